import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CODES } from '../../base/codes.ts';
import { isDiskFull, PermanentError, RequestError, TransientError } from '../../base/errors.ts';
import { cutToBytes } from '../../model/names.ts';
import type { OutputFolder } from '../../model/task.ts';
import type { FileOwner, OutputStore } from '../../ports/outputs.ts';
import { diskName } from '../shared/disk-name.ts';
import { copyTo, makeFolder, setMode, syncFile, syncFolder, systemCode } from '../shared/files.ts';
import { refuseLate } from '../shared/late-save.ts';
import { isPlainName, notPlain } from '../shared/plain-name.ts';
import { findFile } from './found-file.ts';
import { createInOrder } from './in-order.ts';
import { createOutputFolders, type OutputFolders } from './output-folders.ts';
import { inRealFolder, refuseLink } from './real-folder.ts';

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
  ELOOP: 'a symbolic link is in the way, and it is not followed',
  EINVAL: 'the system does not accept that name',
  ENOENT: 'the path does not exist',
};

export interface DiskOutputsOptions {
  /** Holds one folder per task. Created if missing. May be a symbolic link, but no folder in it is one. */
  dir: string;
  /** Of folders and videos, which people share; default: that of the process. */
  umask?: number;
  /** Which output folders there were before; default: this process remembers. */
  folders?: OutputFolders;
}

export interface DiskOutputs extends OutputStore {
  /**
   * Called when a host starts, before any work: removes unfinished copies of these files that the previous host left,
   * and returns how many there were. Other files are not touched, because another host may use the folder too.
   */
  removeParts(folder: OutputFolder, fileNames: Iterable<string>): Promise<number>;
  /** @throws TransientError output_gone if OUTPUT_DIR was there and is gone, as when its disk is not mounted */
  check(): Promise<void>;
}

export function createDiskOutputs(options: DiskOutputsOptions): DiskOutputs {
  const dir = resolve(options.dir);
  const { umask, folders = createOutputFolders() } = options;
  // Only this process writes these names, so that a check made here holds until the file has its name, or has lost it.
  const inOrder = createInOrder();
  const mode = umask === undefined ? undefined : 0o777 & ~umask;
  const make = async (folder: string) => {
    await folders.ensure(dirname(folder), mode);
    await makeFolder(folder, mode);
  };

  return {
    async createFolder(name) {
      const folderName = diskName(name);
      const id = join(dir, folderName);
      try {
        await make(id);
        await inRealFolder(id, (place) => access(place, constants.W_OK | constants.X_OK));
      } catch (error) {
        if (TransientError.is(error)) {
          const hint = CODES.output_gone.hint;
          throw new RequestError('output_folder', error.message, { cause: error, hint });
        }
        const detail = `The output folder "${folderName}" cannot be made: ${reasonOf(error)}`;
        throw new RequestError('output_folder', detail, { cause: error });
      }
      return { id, location: id };
    },

    async save(folder, fileName, file, signal, owner) {
      if (!isPlainName(fileName)) throw notPlain(fileName);
      if (!isFolderPath(folder)) throw notOnDisk(fileName);
      signal.throwIfAborted();
      const { size } = await stat(file);
      try {
        await syncFile(file);
        if (umask !== undefined) await setMode(file, 0o666 & ~umask);
        // Someone may have moved the folder away together with the videos finished so far.
        await make(folder.id);
        await inRealFolder(folder.id, async (place) => {
          signal.throwIfAborted();
          // Again, because the folder that is open now may have been made where the disk belongs, just after it went.
          await folders.check(dirname(folder.id));
          await refuseLink(join(place, fileName));
          await moveTo(place, fileName, file, signal, (from) =>
            inOrder(join(folder.id, fileName), async () => {
              await refuseLate(owner, fileName);
              signal.throwIfAborted();
              await rename(from, join(place, fileName));
            }),
          );
          await syncFolder(place);
        });
      } catch (error) {
        // The folder is not at fault if the video itself is gone.
        throw isAbout(error, file) ? error : translated(error, fileName, signal);
      }
      return { url: pathToFileURL(join(folder.id, fileName)).href, bytes: size };
    },

    async remove(folder, fileNames, owner) {
      if (!isFolderPath(folder)) return;
      const names = fileNames.filter((name) => isPlainName(name));
      let current = basename(folder.id);
      const removeAll = async (place: string) => {
        for (current of names) {
          const path = join(place, current);
          await inOrder(join(folder.id, current), async () => {
            if (await isCurrent(owner)) await rm(path, { force: true });
          });
        }
      };
      await folders.check(dirname(folder.id));
      await inRealFolder(folder.id, removeAll).catch((error: unknown) => {
        if (systemCode(error) !== 'ENOENT') throw translated(error, current);
      });
    },

    async find(folder, fileName) {
      if (!isFolderPath(folder) || !isPlainName(fileName)) return undefined;
      await folders.check(dirname(folder.id));
      return findFile(folder.id, fileName);
    },

    async removeParts(folder, fileNames) {
      if (!isFolderPath(folder)) return 0;
      const own = new Set(Array.from(fileNames, nameInPart));
      const removeAll = async (place: string) => {
        const parts = (await readdir(place)).filter((name) => own.has(PART.exec(name)?.[1] ?? ''));
        // A part that cannot be removed does no harm: its name is hidden.
        for (const part of parts) await rm(join(place, part), { force: true }).catch(() => {});
        return parts.length;
      };
      return await inRealFolder(folder.id, removeAll).catch(() => 0);
    },

    check: () => folders.check(dir),
  };
}

/** Not one with `..` in it, for which the system would have to say where it leads. */
function isFolderPath({ id }: OutputFolder): boolean {
  return isAbsolute(id) && resolve(id) === id;
}

async function isCurrent(owner: FileOwner | undefined): Promise<boolean> {
  return owner === undefined || (await owner.isCurrent());
}

/** Gives a file in the folder, or on the same disk, its final name. */
type Name = (from: string) => Promise<void>;

async function moveTo(
  folder: string,
  fileName: string,
  file: string,
  signal: AbortSignal,
  name: Name,
): Promise<void> {
  try {
    await name(file);
  } catch (error) {
    if (systemCode(error) !== 'EXDEV') throw error;
    await copyOver(folder, fileName, file, signal, name);
    await rm(file);
  }
}

/**
 * For a target on another disk: copies to a hidden name beside it first, so that the final name is never half a
 * file.
 */
async function copyOver(
  folder: string,
  fileName: string,
  file: string,
  signal: AbortSignal,
  name: Name,
): Promise<void> {
  const part = join(folder, `.${nameInPart(fileName)}.${randomBytes(4).toString('hex')}.part`);
  try {
    await copyTo(part, file, signal);
    await setMode(part, (await stat(file)).mode);
    await name(part);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

function notOnDisk(fileName: string): PermanentError {
  return new PermanentError(
    'save_failed',
    'save',
    `Expected a folder on this disk for ${fileName}, got one elsewhere: the task was created with another OUTPUT. ` +
      'Next step: restore the earlier OUTPUT, or post the task again.',
  );
}

function isAbout(error: unknown, file: string): boolean {
  return systemCode(error) === 'ENOENT' && (error as NodeJS.ErrnoException).path === file;
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
