import { constants } from 'node:fs';
import { access, mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CODES } from '../../base/codes.ts';
import { isDiskFull, PermanentError, RequestError, TransientError } from '../../base/errors.ts';
import type { OutputFolder } from '../../model/task.ts';
import type { FileOwner, OutputStore } from '../../ports/outputs.ts';
import { diskName } from '../shared/disk-name.ts';
import { makeFolder, setMode, syncFile, syncFolder, systemCode } from '../shared/files.ts';
import { refuseLate } from '../shared/late-save.ts';
import { notPlain } from '../shared/plain-name.ts';
import { type PlainPath, plainPath, withFolders, withParents } from '../shared/plain-path.ts';
import { findFile } from './found-file.ts';
import { createInOrder } from './in-order.ts';
import { createOutputFolders, type OutputFolders } from './output-folders.ts';
import { moveTo, removePartsIn } from './part-file.ts';
import { inRealSubFolder, refuseLink } from './real-folder.ts';

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
  const makeOne = async (folder: string) => {
    try {
      await mkdir(folder);
      if (mode !== undefined) await setMode(folder, mode);
    } catch (error) {
      // Whether it is a folder shows when it is opened.
      if (systemCode(error) !== 'EEXIST') throw error;
    }
  };
  const isWritable = (place: string) => access(place, constants.W_OK | constants.X_OK);

  return {
    async createFolder(name, _signal, wanted = []) {
      const folderName = diskName(name);
      const id = join(dir, folderName);
      const subFolders = withParents(wanted);
      try {
        await make(id);
        await inRealSubFolder(id, [], isWritable);
        for (const path of subFolders) await inRealSubFolder(id, path.split('/'), isWritable, makeOne);
      } catch (error) {
        if (TransientError.is(error)) {
          const hint = CODES.output_gone.hint;
          throw new RequestError('output_folder', error.message, { cause: error, hint });
        }
        const detail = `The output folder "${folderName}" cannot be made: ${reasonOf(error)}`;
        throw new RequestError('output_folder', detail, { cause: error });
      }
      return withFolders(
        { id, location: id },
        subFolders.map((path) => [path, join(id, path)]),
      );
    },

    async save(folder, fileName, file, signal, owner) {
      const path = plainPath(folder, fileName);
      if (path === undefined) throw notPlain(fileName);
      if (!isFolderPath(folder)) throw notOnDisk(fileName);
      signal.throwIfAborted();
      const { size } = await stat(file);
      try {
        await syncFile(file);
        if (umask !== undefined) await setMode(file, 0o666 & ~umask);
        // Someone may have moved the folder away together with the videos finished so far.
        await make(folder.id);
        const nameIt = async (place: string) => {
          signal.throwIfAborted();
          // Again, because the folder that is open now may have been made where the disk belongs, just after it went.
          await folders.check(dirname(folder.id));
          const target = join(place, path.name);
          await refuseLink(target);
          await moveTo(place, path.name, file, signal, (from) =>
            inOrder(join(folder.id, fileName), async () => {
              await refuseLate(owner, fileName);
              signal.throwIfAborted();
              await rename(from, target);
            }),
          );
          await syncFolder(place);
        };
        await inRealSubFolder(folder.id, path.folders, nameIt, makeOne);
      } catch (error) {
        // The folder is not at fault if the video itself is gone.
        throw isAbout(error, file) ? error : translated(error, fileName, signal);
      }
      return { url: pathToFileURL(join(folder.id, fileName)).href, bytes: size };
    },

    async remove(folder, fileNames, owner) {
      if (!isFolderPath(folder)) return;
      await folders.check(dirname(folder.id));
      for (const { folders: path, names } of byFolder(folder, fileNames)) {
        let current = '';
        const removeAll = async (place: string) => {
          for (current of names) {
            const target = join(place, current);
            await inOrder(join(folder.id, ...path, current), async () => {
              if (await isCurrent(owner)) await rm(target, { force: true });
            });
          }
        };
        await inRealSubFolder(folder.id, path, removeAll).catch((error: unknown) => {
          if (systemCode(error) !== 'ENOENT') throw translated(error, current);
        });
      }
    },

    async find(folder, fileName) {
      const path = plainPath(folder, fileName);
      if (!isFolderPath(folder) || path === undefined) return undefined;
      await folders.check(dirname(folder.id));
      return findFile(folder.id, path);
    },

    async removeParts(folder, fileNames) {
      if (!isFolderPath(folder)) return 0;
      let removed = 0;
      for (const { folders: path, names } of byFolder(folder, fileNames)) {
        const removeAll = (place: string) => removePartsIn(place, names);
        removed += await inRealSubFolder(folder.id, path, removeAll).catch(() => 0);
      }
      return removed;
    },

    check: () => folders.check(dir),
  };
}

/** Not one with `..` in it, for which the system would have to say where it leads. */
function isFolderPath({ id }: OutputFolder): boolean {
  return isAbsolute(id) && resolve(id) === id;
}

/** The names that are plain, by the sub-folder that they are in. */
function byFolder(
  folder: OutputFolder,
  fileNames: Iterable<string>,
): Iterable<{ folders: readonly string[]; names: string[] }> {
  const paths = Array.from(fileNames, (name) => plainPath(folder, name)).filter((path) => path !== undefined);
  const groups = Map.groupBy(paths, ({ folders }) => folders.join('/'));
  return [...groups.values()].map((group) => ({
    folders: (group[0] as PlainPath).folders,
    names: group.map(({ name }) => name),
  }));
}

async function isCurrent(owner: FileOwner | undefined): Promise<boolean> {
  return owner === undefined || (await owner.isCurrent());
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
