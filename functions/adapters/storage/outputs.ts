import { createReadStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import pLimit from 'p-limit';
import { PermanentError, TransientError } from '../../base/errors.ts';
import type { OutputFolder } from '../../model/task.ts';
import type { OutputStore } from '../../ports.ts';
import { diskName } from '../shared/disk-name.ts';
import { refusedFolder } from '../shared/refused-folder.ts';
import { metadataOf } from './read.ts';
import type { Place, StorageConnection } from './storage.ts';
import { type Content, md5Of, NOTHING, remove, upload } from './write.ts';

export interface StorageOutputsOptions {
  storage: StorageConnection;
  /** OUTPUT_BUCKET. */
  bucket: string;
  /** Milliseconds that createFolder may take, retries included. */
  folderMs?: number;
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  mp4: 'video/mp4',
  json: 'application/json',
  csv: 'text/csv',
};
/** Someone waits for the answer. */
const FOLDER_MS = 10_000;
/** Connections at a time while files are taken out. */
const REMOVALS_AT_ONCE = 16;
/** How often a file is tried to be replaced while others replace it, too. */
const REPLACEMENTS = 10;
/** Line breaks are refused, others make listings illegible: https://cloud.google.com/storage/docs/objects#naming */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f]/g;

const EMPTY: Content = {
  contentType: 'text/plain',
  bytes: 0,
  md5: '1B2M2Y8AsgTpgAmY7PhCfg==',
  read: () => Readable.from([]),
};

/** Videos as objects `<task>/<file>` of one bucket. */
export function createStorageOutputs(options: StorageOutputsOptions): OutputStore {
  const { storage, bucket, folderMs = FOLDER_MS } = options;
  const place = (name: string): Place => ({ purpose: 'outputs', bucket, name });

  return {
    async createFolder(name) {
      const folderName = objectName(name);
      const late = AbortSignal.timeout(folderMs);
      try {
        // What the console shows as a folder; and of two that make it, one makes it. Nothing less would show that the
        // bucket is there and takes what the task is going to bring.
        await upload(storage, place(`${folderName}/`), EMPTY, NOTHING, { signal: late });
      } catch (error) {
        if (PermanentError.is(error)) throw refusedFolder(folderName, error);
        if (!late.aborted) throw error;
        const within = `within ${folderMs / 1000} s`;
        throw new TransientError(
          'output_busy',
          `Expected Cloud Storage to make gs://${bucket}/${folderName}/ ${within}, got no end of it.`,
          { cause: error },
        );
      }
      return {
        id: `gs://${bucket}/${folderName}/`,
        location: `https://console.cloud.google.com/storage/browser/${encodePath(`${bucket}/${folderName}`)}`,
      };
    },

    async save(folder, fileName, file, signal) {
      if (!isFileName(fileName))
        throw new Error(`Expected a plain file name, got ${JSON.stringify(fileName)}`);
      const prefix = prefixOf(folder, bucket);
      if (prefix === undefined) throw otherOutput(folder, bucket);
      signal.throwIfAborted();
      const content = await contentOf(file, fileName);
      await replace(storage, place(prefix + fileName), content, signal);
      await rm(file, { force: true });
      return {
        url: `https://storage.cloud.google.com/${encodePath(`${bucket}/${prefix}${fileName}`)}`,
        bytes: content.bytes,
      };
    },

    async remove(folder, fileNames) {
      const prefix = prefixOf(folder, bucket);
      if (prefix === undefined) return;
      const limit = pLimit(REMOVALS_AT_ONCE);
      await Promise.all(
        fileNames
          .filter(isFileName)
          .map((fileName) => limit(() => remove(storage, place(prefix + fileName)))),
      );
    },
  };
}

/** Until the content stands under that name; nothing is sent where it does already, of a delivery before. */
async function replace(
  storage: StorageConnection,
  place: Place,
  content: Content,
  signal: AbortSignal,
): Promise<void> {
  let expected = NOTHING;
  for (let tries = 0; tries < REPLACEMENTS; tries++) {
    if (await upload(storage, place, content, expected, { signal })) return;
    const standing = await metadataOf(storage, place, { signal });
    if (standing?.md5 === content.md5 && standing.bytes === content.bytes) return;
    expected = standing?.generation ?? NOTHING;
  }
  throw new TransientError(
    'output_busy',
    `Expected to replace gs://${place.bucket}/${place.name}, got another writer ${REPLACEMENTS} times.`,
  );
}

async function contentOf(file: string, fileName: string): Promise<Content> {
  const read = () => createReadStream(file);
  const { size } = await stat(file);
  const ending = fileName.slice(fileName.lastIndexOf('.') + 1);
  return {
    contentType: CONTENT_TYPES[ending] ?? 'application/octet-stream',
    bytes: size,
    md5: await md5Of(read()),
    read,
  };
}

/** Undefined of a folder that another kind of output made, or another bucket. */
function prefixOf({ id }: OutputFolder, bucket: string): string | undefined {
  const start = `gs://${bucket}/`;
  return id.startsWith(start) && id.endsWith('/') ? id.slice(start.length) : undefined;
}

function otherOutput({ id }: OutputFolder, bucket: string): PermanentError {
  return new PermanentError(
    'save_failed',
    'save',
    `Expected a folder of gs://${bucket}, got ${JSON.stringify(id)}: the task was begun with another OUTPUT. ` +
      'Next step: set OUTPUT and OUTPUT_BUCKET back, or post the task again.',
  );
}

function objectName(name: string): string {
  return diskName(name, 'linux').replace(CONTROL_CHARACTERS, '_');
}

function isFileName(name: string): boolean {
  return name === objectName(name);
}

function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}
