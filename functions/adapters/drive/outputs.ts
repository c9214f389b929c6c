import { rm } from 'node:fs/promises';
import pLimit from 'p-limit';
import { PermanentError } from '../../base/errors.ts';
import { withoutHidden } from '../../base/hidden-characters.ts';
import type { OutputFolder } from '../../model/task.ts';
import type { Memo } from '../../ports/memo.ts';
import type { FileOwner, OutputStore } from '../../ports/outputs.ts';
import { allEnded } from '../shared/all-ended.ts';
import { refuseLate } from '../shared/late-save.ts';
import { notPlain } from '../shared/plain-name.ts';
import { type PlainPath, plainPath } from '../shared/plain-path.ts';
import { FIRST_PAUSE_MS, type Resumption } from '../shared/resume-upload.ts';
import type { DriveAccount } from './account.ts';
import { createDriveFiles, measured } from './files.ts';
import { createDriveFolders } from './folders.ts';
import { findDriveFile } from './found-file.ts';
import { createDriveIds } from './items.ts';
import { wasAnswered } from './refusal.ts';

export interface DriveOutputsOptions {
  account: DriveAccount;
  /** DRIVE_FOLDER_ID: a folder in My Drive or on a shared drive, or 'root'. Task folders are created in it. */
  folderId: string;
  /** Shared by all processes that save to the folder. */
  memo: Memo;
  /** How an interrupted upload is resumed. */
  resumption?: Partial<Resumption>;
}

/** About half a minute for an upload that makes no progress. */
const RESUMPTION: Resumption = { firstPauseMs: FIRST_PAUSE_MS, maxFailures: 6 };
/** Files moved to the trash at a time. */
const REMOVALS = 5;
/** Ids on Drive: letters, digits, - and _. */
const DRIVE_ID = /^[\w-]{10,200}$/;

/**
 * Videos on Google Drive. The id of each file is requested and stored before the upload, so that a repeated upload, in
 * any process, finds the file of the earlier one. Every call is one try.
 */
export function createDriveOutputs(options: DriveOutputsOptions): OutputStore {
  const { account, memo } = options;
  const ids = createDriveIds(account);
  const resumption = { ...RESUMPTION, ...options.resumption };
  const files = createDriveFiles({ account, memo, ids, resumption });
  const folders = createDriveFolders({ account, parentId: options.folderId, memo, ids });

  return {
    createFolder: (name, signal, subFolders) => folders.folder(withoutHidden(name), signal, subFolders),

    async save(folder, fileName, path, signal, owner) {
      signal.throwIfAborted();
      const known = plainPath(folder, fileName);
      if (known === undefined) throw notPlain(fileName);
      const place = placeOf(folder, known);
      if (!DRIVE_ID.test(folder.id) || !DRIVE_ID.test(place.id)) throw notOnDrive(fileName);
      const file = { path, name: known.name, ...(await measured(path, signal)) };
      const { id, webViewLink } = await files.bring(
        fileKey(folder, fileName, owner),
        place,
        file,
        signal,
        () => refuseLate(owner, fileName),
      );
      await rm(path, { force: true });
      return { url: webViewLink ?? `https://drive.google.com/file/d/${id}/view`, bytes: file.bytes };
    },

    async remove(folder, names, owner) {
      if (!DRIVE_ID.test(folder.id)) return;
      const fileNames = names.filter((name) => plainPath(folder, name) !== undefined);
      const found = await memo.recall(fileNames.map((name) => fileKey(folder, name, owner)));
      const limit = pLimit(REMOVALS);
      await allEnded(
        fileNames.map(async (name, at) => {
          const id = found[at];
          if (id !== undefined) await limit(() => trash(account, id, name));
        }),
      );
    },

    async find(folder, fileName, owner, signal) {
      if (!DRIVE_ID.test(folder.id) || plainPath(folder, fileName) === undefined) return undefined;
      const [id] = await memo.recall([fileKey(folder, fileName, owner)]);
      return id === undefined ? undefined : findDriveFile(account, id, fileName, signal);
    },
  };
}

/** The folder that the file itself is in. */
function placeOf(folder: OutputFolder, { folders }: PlainPath): OutputFolder {
  const path = folders.join('/');
  return path === '' ? folder : { ...folder, id: folder.folders?.[path] ?? '' };
}

/** Not deleted: content managers of a shared drive may only move files to the trash. */
async function trash(account: DriveAccount, fileId: string, name: string): Promise<void> {
  try {
    await account.call(`move ${name} to the trash`, (drive, parameters) =>
      drive.files.update(
        { fileId, fields: 'id', supportsAllDrives: true, requestBody: { trashed: true } },
        parameters,
      ),
    );
  } catch (error) {
    if (!wasAnswered(error, 404)) throw error;
  }
}

/** Each owner has a file of its own, because nothing can be made to depend on which content a file of Drive has. */
function fileKey(
  { id }: OutputFolder,
  fileName: string,
  owner: Pick<FileOwner, 'taskId'> | undefined,
): string {
  return `drive/file/${id}/${fileName}${owner === undefined ? '' : `/${owner.taskId}`}`;
}

function notOnDrive(fileName: string): PermanentError {
  return new PermanentError(
    'save_failed',
    'save',
    `Expected a folder on Google Drive for ${fileName}, got one elsewhere: the task was started with another OUTPUT. Next step: set OUTPUT back, or post the task again.`,
  );
}
