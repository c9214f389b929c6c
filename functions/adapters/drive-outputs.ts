import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { extname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import pLimit from 'p-limit';
import { PermanentError, TransientError } from '../errors.ts';
import type { IdMemory, OutputFolder, OutputStore } from '../ports.ts';
import type { DriveAccount, DriveItem } from './drive-account.ts';
import { createDriveFolders, isName } from './drive-folders.ts';
import { createDriveIds } from './drive-ids.ts';
import { wasAnswered } from './drive-refusal.ts';
import { uploadResumable } from './drive-upload.ts';

export interface DriveOutputsOptions {
  account: DriveAccount;
  /** DRIVE_FOLDER_ID: a folder in My Drive or on a shared drive, or 'root'. Task folders are made in it. */
  folderId: string;
  /** Shared by all processes that save to the folder. */
  ids: IdMemory;
  /** Milliseconds that createFolder may take, retries included. */
  folderMs?: number;
  /** Failures in a row, without a byte of progress, after which an upload is given up. */
  maxFailures?: number;
}

const FOLDER_MS = 10_000;
/** With the pauses that Google asks for: half a minute. */
const MAX_FAILURES = 6;
/** Content that is not what was sent; more often than this something between here and Drive changes it. */
const MAX_ROUNDS = 4;
/** Files moved to the trash at a time. */
const REMOVALS = 5;
const FIELDS = 'id,name,size,md5Checksum,webViewLink,trashed,parents';
/** Ids on Drive: letters, digits, - and _. */
const DRIVE_ID = /^[\w-]{10,200}$/;
const TYPES: Readonly<Record<string, string>> = {
  '.mp4': 'video/mp4',
  '.json': 'application/json',
  '.csv': 'text/csv',
};

interface LocalFile {
  path: string;
  name: string;
  bytes: number;
  /** Hex. */
  md5: string;
}

/**
 * Videos on Google Drive. Each file has an id that was drawn and written down before its upload, so that whoever repeats
 * the upload, in whatever process, meets the file that is there.
 */
export function createDriveOutputs(options: DriveOutputsOptions): OutputStore {
  const { account, ids, folderMs = FOLDER_MS, maxFailures = MAX_FAILURES } = options;
  const drawn = createDriveIds(account);
  const folders = createDriveFolders({ account, parentId: options.folderId, ids, drawn, folderMs });

  async function look(id: string, name: string, signal: AbortSignal): Promise<DriveItem | undefined> {
    try {
      return await account.call(
        `show ${name}`,
        (drive, parameters) =>
          drive.files.get({ fileId: id, fields: FIELDS, supportsAllDrives: true }, parameters),
        { signal },
      );
    } catch (error) {
      if (wasAnswered(error, 404)) return undefined;
      throw error;
    }
  }

  /** Undefined where the id is in use, or was, or, at the first try, where it is refused. */
  async function create(
    id: string,
    folder: OutputFolder,
    file: LocalFile,
    signal: AbortSignal,
    rounds: number,
  ): Promise<DriveItem | undefined> {
    try {
      return await upload({ id, name: file.name, parents: [folder.id] }, undefined, file, signal);
    } catch (error) {
      // An id that another account drew, before the credentials were changed, may be of no use to this one.
      if (wasAnswered(error, 409) || (wasAnswered(error, 400) && rounds === 1)) return undefined;
      if (wasAnswered(error, 404)) throw folderGone(file.name, error);
      throw error;
    }
  }

  /** Undefined where it was deleted for ever meanwhile. */
  async function bring(
    there: DriveItem & { id: string },
    folder: OutputFolder,
    file: LocalFile,
    signal: AbortSignal,
  ): Promise<DriveItem | undefined> {
    try {
      const whole = isContent(there, file)
        ? there
        : await upload({ name: file.name, trashed: false }, there.id, file, signal);
      return isInPlace(whole, folder, file) ? whole : await putInPlace(whole, there.id, folder, file, signal);
    } catch (error) {
      if (wasAnswered(error, 404)) return undefined;
      throw error;
    }
  }

  function upload(
    metadata: DriveItem & { name: string },
    replaces: string | undefined,
    { path: file, bytes, name }: LocalFile,
    signal: AbortSignal,
  ): Promise<DriveItem> {
    const contentType = TYPES[extname(name)] ?? 'application/octet-stream';
    const fields = FIELDS;
    return uploadResumable(
      account,
      { metadata, replaces, file, bytes, contentType, fields },
      { signal, maxFailures },
    );
  }

  /** Someone renamed it, moved it, or put it into the trash. */
  function putInPlace(
    { parents }: DriveItem,
    fileId: string,
    folder: OutputFolder,
    { name }: LocalFile,
    signal: AbortSignal,
  ): Promise<DriveItem> {
    const moved = parents?.includes(folder.id) !== true;
    return account.call(
      `put ${name} in its place`,
      (drive, parameters) =>
        drive.files.update(
          {
            fileId,
            fields: FIELDS,
            supportsAllDrives: true,
            requestBody: { name, trashed: false },
            ...(moved ? { addParents: folder.id, removeParents: (parents ?? []).join(',') } : {}),
          },
          parameters,
        ),
      { signal },
    );
  }

  async function bringThere(folder: OutputFolder, file: LocalFile, signal: AbortSignal): Promise<DriveItem> {
    const key = fileKey(folder, file.name);
    const [known] = await ids.recall([key]);
    let id = known ?? (await ids.settle(key, await drawn.draw({ signal })));
    // A look costs a tenth of an upload that is refused, and no byte.
    let there = known === undefined ? undefined : await look(id, file.name, signal);
    for (let rounds = 1; rounds <= MAX_ROUNDS; rounds++) {
      const isThere = there !== undefined;
      there =
        there === undefined
          ? await create(id, folder, file, signal, rounds)
          : await bring({ ...there, id }, folder, file, signal);
      if (there !== undefined && isContent(there, file) && isInPlace(there, folder, file)) return there;
      if (there?.trashed && isThere) throw folderTrashed(file.name);
      if (there !== undefined) continue;
      there = isThere ? undefined : await look(id, file.name, signal);
      // Used once, and gone for ever: nothing can be made under it any more.
      if (there === undefined) id = await ids.settle(key, await drawn.draw({ signal }), id);
    }
    throw new TransientError(
      'network',
      `Expected ${file.name} on Google Drive as it is here (${file.bytes} bytes), got other content ${MAX_ROUNDS} times. Next step: none needed, it is sent again.`,
    );
  }

  return {
    createFolder: (name) => folders.folder(name),

    async save(folder, fileName, path, signal) {
      signal.throwIfAborted();
      if (!DRIVE_ID.test(folder.id)) throw notOnDrive(fileName);
      const file = { path, name: fileName, ...(await measured(path, signal)) };
      const { id, webViewLink } = await bringThere(folder, file, signal);
      await rm(path, { force: true });
      return { url: webViewLink ?? `https://drive.google.com/file/d/${id}/view`, bytes: file.bytes };
    },

    async remove(folder, fileNames) {
      const found = await ids.recall(fileNames.map((name) => fileKey(folder, name)));
      const limit = pLimit(REMOVALS);
      await Promise.all(
        fileNames.map(async (name, at) => {
          const id = found[at];
          if (id !== undefined) await limit(() => trash(account, id, name));
        }),
      );
    },
  };
}

/** Content managers of a shared drive may put files into the trash, but not delete them. */
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

function fileKey({ id }: OutputFolder, fileName: string): string {
  return `drive/file/${id}/${fileName}`;
}

async function measured(file: string, signal: AbortSignal): Promise<{ bytes: number; md5: string }> {
  const hash = createHash('md5');
  const stream = createReadStream(file);
  await pipeline(stream, hash, { signal }).catch((error: unknown) => {
    signal.throwIfAborted();
    throw error;
  });
  return { bytes: stream.bytesRead, md5: hash.digest('hex') };
}

function isContent({ size, md5Checksum }: DriveItem, { bytes, md5 }: LocalFile): boolean {
  return Number(size) === bytes && md5Checksum === md5;
}

function isInPlace({ name, trashed, parents }: DriveItem, folder: OutputFolder, file: LocalFile): boolean {
  return isName(name, file.name) && trashed !== true && parents?.includes(folder.id) === true;
}

function notOnDrive(fileName: string): PermanentError {
  return new PermanentError(
    'save_failed',
    'save',
    `Expected a folder on Google Drive for ${fileName}, got one elsewhere: the task was begun with another OUTPUT. Next step: set OUTPUT as it was, or post the task again.`,
  );
}

/** Of all that an upload names, only the folder must be there. */
function folderGone(fileName: string, cause: unknown): PermanentError {
  return new PermanentError(
    'output_missing',
    'save',
    `Expected the task's folder on Google Drive for ${fileName}, got none: it was deleted, or is not shared with the account any more. Next step: share it again and retry the task, or post a new task.`,
    { cause },
  );
}

/** A file in a folder that is in the trash is in the trash, too. */
function folderTrashed(fileName: string): PermanentError {
  return new PermanentError(
    'output_missing',
    'save',
    `Expected the folder of ${fileName} on Google Drive, got it from the trash. Next step: restore it, then retry the task.`,
  );
}
