import { createReadStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import pLimit from 'p-limit';
import { PermanentError, TransientError } from '../../base/errors.ts';
import type { OutputFolder } from '../../model/task.ts';
import type { FileOwner, OutputStore } from '../../ports/outputs.ts';
import { allEnded } from '../shared/all-ended.ts';
import { diskName } from '../shared/disk-name.ts';
import { hashId } from '../shared/hash-id.ts';
import { refuseLate } from '../shared/late-save.ts';
import { isPlainName, notPlain } from '../shared/plain-name.ts';
import { plainPath, withFolders, withParents } from '../shared/plain-path.ts';
import { refusedFolder } from '../shared/refused-folder.ts';
import { findObject } from './found-object.ts';
import { metadataOf } from './read.ts';
import type { Place, StorageConnection } from './storage.ts';
import { type Content, md5Of, NOTHING, remove, upload } from './write.ts';

export interface StorageOutputsOptions {
  storage: StorageConnection;
  /** OUTPUT_BUCKET. */
  bucket: string;
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  mp4: 'video/mp4',
  json: 'application/json',
  csv: 'text/csv',
  jpg: 'image/jpeg',
  // No one has registered a type for it.
  srt: 'application/x-subrip',
  vtt: 'text/vtt',
};
/** Connections at a time while files are removed, and while folders are made. */
const REMOVALS_AT_ONCE = 16;
const FOLDERS_AT_ONCE = 16;
/** How often a replacement may meet another writer before it is given up. */
const REPLACEMENTS = 10;
const EMPTY: Content = {
  contentType: 'text/plain',
  bytes: 0,
  md5: '1B2M2Y8AsgTpgAmY7PhCfg==',
  read: () => Readable.from([]),
};

/** Videos as objects `<task>/<file>`, or `<task>/<sub-folder>/<file>`, of one bucket. Every call is one try. */
export function createStorageOutputs(options: StorageOutputsOptions): OutputStore {
  const { storage, bucket } = options;
  const place = (name: string): Place => ({ purpose: 'outputs', bucket, name });

  return {
    async createFolder(name, signal, wanted = []) {
      const folderName = objectName(name);
      const subFolders = withParents(wanted, 'linux');
      const make = (path: string) => upload(storage, place(`${path}/`), EMPTY, NOTHING, { signal });
      try {
        // The console shows such an object as a folder. Only creating it proves that the bucket exists and accepts
        // files. A second call finds it.
        await make(folderName);
        const limit = pLimit(FOLDERS_AT_ONCE);
        await allEnded(subFolders.map((path) => limit(() => make(`${folderName}/${path}`))));
      } catch (error) {
        throw PermanentError.is(error) ? refusedFolder(folderName, error) : error;
      }
      const id = `gs://${bucket}/${folderName}/`;
      const location = `https://console.cloud.google.com/storage/browser/${encodePath(`${bucket}/${folderName}`)}`;
      return withFolders(
        { id, location },
        subFolders.map((path) => [path, `${id}${path}/`]),
      );
    },

    async save(folder, fileName, file, signal, owner) {
      if (!isFileOf(folder, fileName)) throw notPlain(fileName);
      const prefix = prefixOf(folder, bucket);
      if (prefix === undefined) throw otherOutput(folder, bucket);
      signal.throwIfAborted();
      const content = { ...(await contentOf(file, fileName)), owner: ownerId(owner) };
      await replace(storage, place(prefix + fileName), content, signal, () => refuseLate(owner, fileName));
      await rm(file, { force: true });
      return {
        url: `https://storage.cloud.google.com/${encodePath(`${bucket}/${prefix}${fileName}`)}`,
        bytes: content.bytes,
      };
    },

    async remove(folder, fileNames, owner) {
      const prefix = prefixOf(folder, bucket);
      if (prefix === undefined) return;
      const limit = pLimit(REMOVALS_AT_ONCE);
      await allEnded(
        fileNames
          .filter((fileName) => isFileOf(folder, fileName))
          .map((fileName) => limit(() => removeOf(owner, storage, place(prefix + fileName)))),
      );
    },

    async find(folder, fileName, _owner, signal) {
      const prefix = prefixOf(folder, bucket);
      if (prefix === undefined || !isFileOf(folder, fileName)) return undefined;
      return findObject(storage, place(prefix + fileName), contentTypeOf(fileName), signal);
    },
  };
}

/** Removes the object if it is the owner's, or whoever's without one. */
async function removeOf(
  owner: FileOwner | undefined,
  storage: StorageConnection,
  place: Place,
): Promise<void> {
  if (owner === undefined) return remove(storage, place);
  const current = await metadataOf(storage, place);
  if (current !== undefined && current.owner === ownerId(owner))
    await remove(storage, place, current.generation);
}

/** A hash, because whoever may read the object sees it, and the id of a task is no concern of theirs. */
function ownerId(owner: FileOwner | undefined): string | undefined {
  return owner && hashId('owner', owner.taskId);
}

/**
 * Stores the content under that name; sends nothing if an earlier delivery has stored it. The check comes after the
 * object was looked at, so that the content is refused if another writer stores an object after the check.
 */
async function replace(
  storage: StorageConnection,
  place: Place,
  content: Content & { owner: string | undefined },
  signal: AbortSignal,
  check: () => Promise<void>,
): Promise<void> {
  let expected = NOTHING;
  for (let tries = 0; tries < REPLACEMENTS; tries++) {
    await check();
    if (await upload(storage, place, content, expected, { signal })) return;
    const current = await metadataOf(storage, place, { signal });
    const { md5, bytes, owner } = current ?? {};
    if (md5 === content.md5 && bytes === content.bytes && owner === content.owner) return;
    expected = current?.generation ?? NOTHING;
  }
  throw new TransientError(
    'output_busy',
    `Expected to replace gs://${place.bucket}/${place.name}, got another writer ${REPLACEMENTS} times.`,
  );
}

async function contentOf(file: string, fileName: string): Promise<Content> {
  const read = () => createReadStream(file);
  const { size } = await stat(file);
  return {
    contentType: contentTypeOf(fileName),
    bytes: size,
    md5: await md5Of(read()),
    read,
  };
}

function contentTypeOf(fileName: string): string {
  return CONTENT_TYPES[fileName.slice(fileName.lastIndexOf('.') + 1)] ?? 'application/octet-stream';
}

/** Undefined for a folder of another kind of output, of another bucket, or that is not one of a task. */
function prefixOf({ id }: OutputFolder, bucket: string): string | undefined {
  const start = `gs://${bucket}/`;
  if (!id.startsWith(start) || !id.endsWith('/')) return undefined;
  const prefix = id.slice(start.length);
  return isPlainName(prefix.slice(0, -1), 'linux') ? prefix : undefined;
}

function otherOutput({ id }: OutputFolder, bucket: string): PermanentError {
  return new PermanentError(
    'save_failed',
    'save',
    `Expected a folder of gs://${bucket}, got ${JSON.stringify(id)}: the task was started with another OUTPUT. ` +
      'Next step: set OUTPUT and OUTPUT_BUCKET back, or post the task again.',
  );
}

/** Line breaks are refused: https://cloud.google.com/storage/docs/objects#naming */
function objectName(name: string): string {
  return diskName(name, 'linux');
}

function isFileOf(folder: OutputFolder, fileName: string): boolean {
  return plainPath(folder, fileName, 'linux') !== undefined;
}

function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}
