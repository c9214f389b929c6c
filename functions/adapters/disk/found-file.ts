/** Reads saved files: those that are in the folder themselves, and never where a link leads. */
import type { BigIntStats } from 'node:fs';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { PermanentError } from '../../base/errors.ts';
import type { FoundFile } from '../../ports/outputs.ts';
import { changedFile } from '../shared/changed-file.ts';
import { systemCode } from '../shared/files.ts';
import type { PlainPath } from '../shared/plain-path.ts';
import { inRealSubFolder, refuseLink } from './real-folder.ts';

/** What the system says of a name that is no file of ours: there is none, or a link is in its place. */
const GONE: readonly unknown[] = ['ENOENT', 'ENOTDIR', 'ELOOP'];

/** Undefined if there is no such file. @param folder an absolute path */
export async function findFile(folder: string, path: PlainPath): Promise<FoundFile | undefined> {
  const found = await openFile(folder, path);
  if (found === undefined) return undefined;
  await found.handle.close();
  const version = versionOf(found.stats);
  return {
    bytes: Number(found.stats.size),
    version,
    modifiedAt: Number(found.stats.mtimeMs),
    link: async () => undefined,
    async *read({ signal, from, to }) {
      signal.throwIfAborted();
      const opened = await openFile(folder, path);
      if (opened === undefined || versionOf(opened.stats) !== version) {
        await opened?.handle.close();
        throw changedFile(path.name);
      }
      const { handle } = opened;
      try {
        // Again: of a stream that is made with an aborted signal, Node may throw where nobody catches it.
        signal.throwIfAborted();
        yield* handle.createReadStream({
          signal,
          // It is looked at once more below.
          autoClose: false,
          ...(from !== undefined && { start: from }),
          ...(to !== undefined && { end: to }),
        });
        // Written over meanwhile, with the same length: the bytes are of two versions.
        if (versionOf(await handle.stat({ bigint: true })) !== version) throw changedFile(path.name);
      } finally {
        await handle.close();
      }
    },
  };
}

interface OpenFile {
  handle: FileHandle;
  stats: BigIntStats;
}

async function openFile(folder: string, { folders, name }: PlainPath): Promise<OpenFile | undefined> {
  try {
    return await inRealSubFolder(folder, folders, async (place) => {
      const path = join(place, name);
      await refuseLink(path);
      // Without waiting for the other end, if somebody has put a pipe there.
      const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
      const handle = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      const stats = await handle.stat({ bigint: true });
      if (stats.isFile()) return { handle, stats };
      await handle.close();
      return undefined;
    });
  } catch (error) {
    const code = systemCode(error);
    if (GONE.includes(code)) return undefined;
    if (code !== 'EACCES' && code !== 'EPERM') throw error;
    const detail = `Expected to read ${name}, got ${code}. Next step: let the service read the output folder.`;
    throw new PermanentError('output_forbidden', 'save', detail, { cause: error });
  }
}

function versionOf({ ino, size, mtimeNs }: BigIntStats): string {
  return [ino, size, mtimeNs].map((part) => part.toString(36)).join('-');
}
