/** One file on Google Drive: created under an id that was reserved before, or updated if it exists. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { extname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { PermanentError, TransientError } from '../../base/errors.ts';
import type { OutputFolder } from '../../model/task.ts';
import type { Memo } from '../../ports/memo.ts';
import type { Resumption } from '../shared/resume-upload.ts';
import type { DriveAccount, DriveItem } from './account.ts';
import type { DriveIds } from './items.ts';
import { isName, itemById } from './items.ts';
import { wasAnswered } from './refusal.ts';
import { uploadResumable } from './upload.ts';

export interface DriveFilesOptions {
  account: DriveAccount;
  memo: Memo;
  ids: DriveIds;
  resumption: Resumption;
}

export interface DriveFiles {
  /**
   * Puts the file of that key into the folder, with that name and content, no matter what this or another process has
   * left there before. Resolves to Drive's metadata of it.
   * @param check called before each change; what it throws is thrown
   * @throws the gate's error for a refusal; output_missing if the folder is gone
   */
  bring(
    key: string,
    folder: OutputFolder,
    file: LocalFile,
    signal: AbortSignal,
    check: () => Promise<void>,
  ): Promise<DriveItem>;
}

/** Each round compares the file on Drive and makes one change. If more are needed, something else keeps changing it. */
const MAX_ROUNDS = 4;
const FIELDS = 'id,name,size,md5Checksum,webViewLink,trashed,parents';
const TYPES: Readonly<Record<string, string>> = {
  '.mp4': 'video/mp4',
  '.json': 'application/json',
  '.csv': 'text/csv',
  '.jpg': 'image/jpeg',
  // No one has registered a type for it.
  '.srt': 'application/x-subrip',
  '.vtt': 'text/vtt',
};

export interface LocalFile {
  path: string;
  name: string;
  bytes: number;
  /** Hex. */
  md5: string;
}

export function createDriveFiles({ account, memo, ids, resumption }: DriveFilesOptions): DriveFiles {
  const find = (id: string, name: string, signal: AbortSignal) =>
    itemById(account, { id, what: name, fields: FIELDS }, { signal });

  /** Undefined if the id is or was in use or, in the first round, is refused. */
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
      // Ids belong to the account that requested them, so they are refused after a change of credentials.
      if (wasAnswered(error, 409) || (wasAnswered(error, 400) && rounds === 1)) return undefined;
      if (wasAnswered(error, 404)) throw folderGone(file.name, error);
      throw error;
    }
  }

  /** Undefined if the file has been deleted permanently meanwhile. */
  async function update(
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
      { ...resumption, signal },
    );
  }

  /** For a file that someone renamed, moved, or put into the trash. */
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

  async function bring(
    key: string,
    folder: OutputFolder,
    file: LocalFile,
    signal: AbortSignal,
    check: () => Promise<void>,
  ): Promise<DriveItem> {
    const [known] = await memo.recall([key]);
    let id = known ?? (await memo.settle(key, await ids.next(signal)));
    // Asking takes a tenth of the time of a refused upload, and sends no bytes.
    let there = known === undefined ? undefined : await find(id, file.name, signal);
    for (let rounds = 1; rounds <= MAX_ROUNDS; rounds++) {
      await check();
      const isThere = there !== undefined;
      there =
        there === undefined
          ? await create(id, folder, file, signal, rounds)
          : await update({ ...there, id }, folder, file, signal);
      if (there !== undefined && isContent(there, file) && isInPlace(there, folder, file)) return there;
      if (there?.trashed && isThere) throw folderTrashed(file.name);
      if (there !== undefined) continue;
      there = isThere ? undefined : await find(id, file.name, signal);
      // The file was deleted permanently: its id cannot be used again.
      if (there === undefined) id = await memo.settle(key, await ids.next(signal), id);
    }
    throw new TransientError(
      'network',
      `Expected ${file.name} on Google Drive with the local content (${file.bytes} bytes), got other content ` +
        `${MAX_ROUNDS} times. Next step: none, it is retried.`,
    );
  }

  return { bring };
}

/** Size and MD5, which Drive also reports for its files. Reads the file once. */
export async function measured(file: string, signal: AbortSignal): Promise<{ bytes: number; md5: string }> {
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

/** A 404 for an upload means that the folder is missing: the request names nothing else that must exist. */
function folderGone(fileName: string, cause: unknown): PermanentError {
  return new PermanentError(
    'output_missing',
    'save',
    `Expected the task's folder on Google Drive for ${fileName}, got none: it was deleted, or is no longer shared with ` +
      'the account. Next step: share it again and retry the task, or post a new task.',
    { cause },
  );
}

/** A file in a trashed folder counts as trashed. */
function folderTrashed(fileName: string): PermanentError {
  return new PermanentError(
    'output_missing',
    'save',
    `Expected the folder of ${fileName} on Google Drive, got it from the trash. Next step: restore it, then retry the task.`,
  );
}
