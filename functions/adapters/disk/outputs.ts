import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, readdir, rename, rm, stat } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isDiskFull, PermanentError, RequestError, TransientError } from '../../base/errors.ts';
import { cutToBytes } from '../../model/names.ts';
import type { OutputFolder } from '../../model/task.ts';
import type { OutputStore } from '../../ports.ts';
import { diskName } from '../shared/disk-name.ts';
import { copyTo, makeFolder, syncFile, syncFolder, systemCode } from '../shared/files.ts';
import { isPlainName, notPlain } from '../shared/plain-name.ts';

/** What is left of 255 bytes for the name inside `.<name>.<8 hex>.part`. */
const PART_NAME_BYTES = 240;
const PART = /^\.(.+)\.[0-9a-f]{8}\.part$/s;

/** Errors that a user can fix; any other is a bug or a broken disk and is passed on unchanged. */
const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'not writable',
  EPERM: 'not permitted',
  EROFS: 'the disk is read-only',
  ENOTDIR: 'a file is in the way',
  EEXIST: 'a file is in the way',
  EISDIR: 'a folder is in the way',
  ENOTEMPTY: 'a folder is in the way',
  ENAMETOOLONG: 'the path is too long',
  ELOOP: 'too many symbolic links',
  EINVAL: 'the system does not accept that name',
  ENOENT: 'the path does not exist',
};

export interface DiskOutputsOptions {
  /** Holds one folder per task. Created if missing. */
  dir: string;
}

export interface DiskOutputs extends OutputStore {
  /**
   * Called when a host starts, before any work: removes unfinished copies of these files that the previous host left,
   * and returns how many there were. Other files are not touched, because another host may use the folder too.
   */
  removeParts(folder: OutputFolder, fileNames: Iterable<string>): Promise<number>;
}

export function createDiskOutputs(options: DiskOutputsOptions): DiskOutputs {
  const dir = resolve(options.dir);

  return {
    async createFolder(name) {
      const folderName = diskName(name);
      const id = join(dir, folderName);
      try {
        await makeFolder(id);
        await access(id, constants.W_OK | constants.X_OK);
      } catch (error) {
        const detail = `The output folder "${folderName}" cannot be made: ${reasonOf(error)}`;
        throw new RequestError('output_folder', detail, { cause: error });
      }
      return { id, location: id };
    },

    async save(folder, fileName, file, signal) {
      if (!isPlainName(fileName)) throw notPlain(fileName);
      if (!isFolderPath(folder)) throw notOnDisk(fileName);
      signal.throwIfAborted();
      const { size } = await stat(file);
      const target = join(folder.id, fileName);
      try {
        await syncFile(file);
        // Someone may have moved the folder away together with the videos finished so far.
        await makeFolder(folder.id);
        signal.throwIfAborted();
        await moveTo(target, folder.id, file, signal);
        await syncFolder(folder.id);
      } catch (error) {
        throw translated(error, fileName, signal);
      }
      return { url: pathToFileURL(target).href, bytes: size };
    },

    async remove(folder, fileNames) {
      if (!isFolderPath(folder)) return;
      for (const fileName of fileNames.filter((name) => isPlainName(name))) {
        await rm(join(folder.id, fileName), { force: true }).catch((error: unknown) => {
          throw translated(error, fileName);
        });
      }
    },

    async removeParts(folder, fileNames) {
      if (!isFolderPath(folder)) return 0;
      const own = new Set(Array.from(fileNames, nameInPart));
      const found = await readdir(folder.id).catch(() => []);
      const parts = found.filter((name) => own.has(PART.exec(name)?.[1] ?? ''));
      // A part that cannot be removed does no harm: its name is hidden.
      for (const part of parts) await rm(join(folder.id, part), { force: true }).catch(() => {});
      return parts.length;
    },
  };
}

/** Not one with `..` in it, for which the system would have to say where it leads. */
function isFolderPath({ id }: OutputFolder): boolean {
  return isAbsolute(id) && resolve(id) === id;
}

async function moveTo(target: string, folder: string, file: string, signal: AbortSignal): Promise<void> {
  try {
    await rename(file, target);
  } catch (error) {
    if (systemCode(error) !== 'EXDEV') throw error;
    await copyOver(target, folder, file, signal);
    await rm(file);
  }
}

/**
 * For a target on another disk: copies to a hidden name beside it first, so that the final name is never half a
 * file.
 */
async function copyOver(target: string, folder: string, file: string, signal: AbortSignal): Promise<void> {
  const part = join(
    folder,
    `.${nameInPart(target.slice(folder.length + 1))}.${randomBytes(4).toString('hex')}.part`,
  );
  try {
    await copyTo(part, file, signal);
    signal.throwIfAborted();
    await rename(part, target);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

function notOnDisk(fileName: string): PermanentError {
  return new PermanentError(
    'save_failed',
    'save',
    `Expected a folder on this disk for ${fileName}, got one elsewhere: the task was created with another OUTPUT. Next step: restore the earlier OUTPUT, or post the task again.`,
  );
}

function nameInPart(fileName: string): string {
  return cutToBytes(fileName, PART_NAME_BYTES);
}

function reasonOf(error: unknown): string {
  if (isDiskFull(error)) return 'the disk is full';
  const code = systemCode(error);
  if (code === undefined) return 'the system gave no reason';
  const words = REASONS[code];
  return words ? `${words} (${code})` : code;
}

function translated(error: unknown, fileName: string, signal?: AbortSignal): unknown {
  if (signal?.aborted) return signal.reason;
  if (isDiskFull(error)) {
    return new TransientError('disk_full', `The disk is full: ${fileName} cannot be saved`, { cause: error });
  }
  const code = systemCode(error);
  if (code === undefined || !(code in REASONS)) return error;
  const detail = `${fileName} cannot be written: ${reasonOf(error)}`;
  return new PermanentError('save_failed', 'save', detail, { cause: error });
}
