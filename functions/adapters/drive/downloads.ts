import { awakeLimit } from '../../base/awake.ts';
import { isDiskFull, PermanentError, TransientError } from '../../base/errors.ts';
import type { Download, Validator } from '../../model/source.ts';
import type { DriveFile } from '../../model/source-location.ts';
import type { Downloads } from '../../ports/downloads.ts';
import { type BodyOptions, storeBody } from '../shared/body-file.ts';
import { downloadError, isNetworkError, permanent, tooSlow } from '../shared/network-errors.ts';
import { tooLarge } from '../shared/source-answer.ts';
import type { DriveAccount, DriveItem } from './account.ts';
import { sourceError } from './errors.ts';
import { refusalOf } from './refusal.ts';

export interface DriveDownloadsOptions extends Pick<BodyOptions, 'room' | 'leastRate'> {
  account: DriveAccount;
  maxBytes: number;
  /** If false, only files that anyone with the link may read, even if the account can read more. */
  anyFile: boolean;
  /** Milliseconds that one download may take. */
  totalMs?: number;
}

export interface DriveDownloads {
  /**
   * prepare: downloads the file with the account, as Downloads.get does. If anyFile is false and the file is not known
   * to be open to anyone, returns undefined: the file is then downloaded over its link, so that callers cannot get a
   * private file by naming it.
   */
  get(file: DriveFile, path: string, options: Parameters<Downloads['get']>[2]): Promise<Download | undefined>;
}

/** Below the 600 s after which a push message is delivered again. */
const TOTAL_MS = 540_000;
const SHORTCUT = 'application/vnd.google-apps.shortcut';
const GOOGLE_TYPE = /^application\/vnd\.google-apps\./;
const FIELDS =
  'id,name,mimeType,size,md5Checksum,headRevisionId,trashed,permissions(type),permissionIds,shortcutDetails';
/**
 * Ids of the permissions that are for anyone:
 * https://developers.google.com/workspace/drive/api/reference/rest/v3/permissions
 */
const ANYONE: readonly string[] = ['anyone', 'anyoneWithLink'];

export function createDriveDownloads(options: DriveDownloadsOptions): DriveDownloads {
  const { account, maxBytes, anyFile, totalMs = TOTAL_MS } = options;

  /** Undefined if it is not known to be open to anyone. */
  async function describe(file: DriveFile, signal: AbortSignal): Promise<DriveItem | undefined> {
    try {
      const found = await account.call(
        `show the file ${file.id}`,
        (drive, parameters) =>
          drive.files.get(
            { fileId: file.id, fields: FIELDS, supportsAllDrives: true },
            { ...parameters, headers: keyHeaders(file) },
          ),
        { signal, gate: sourceError },
      );
      if (!anyFile) return isOpen(found) && !found.trashed ? found : undefined;
      if (!found.trashed) return found;
    } catch (error) {
      // A file that the account may not see may still be open to anyone.
      if (!anyFile && PermanentError.is(error)) return undefined;
      throw error;
    }
    throw permanent('source_not_found', `Expected ${nameOf(file)}, got it from the trash`, 'restore it');
  }

  async function download(
    file: DriveFile,
    item: DriveItem,
    path: string,
    signal: AbortSignal,
  ): Promise<Download> {
    const url = new URL(`${account.root}/drive/v3/files/${encodeURIComponent(file.id)}`);
    url.search = new URLSearchParams({ alt: 'media', supportsAllDrives: 'true' }).toString();
    const answer = await account.send({ url, method: 'GET', headers: keyHeaders(file), signal });
    try {
      if (answer.statusCode !== 200) throw await refusalOf(answer);
      const { bytes, sha256 } = await storeBody(answer.body, path, {
        where: nameOf(file),
        maxBytes,
        expected: { bytes: sizeOf(item), md5: item.md5Checksum ?? undefined },
        room: options.room,
        leastRate: options.leastRate,
        signal,
      });
      return { modified: true, bytes, sha256, validator: validatorOf(item) };
    } finally {
      answer.body.destroy();
    }
  }

  return {
    async get(asked, path, { validator, signal }) {
      signal.throwIfAborted();
      using total = awakeLimit(totalMs);
      const either = AbortSignal.any([signal, total.signal]);
      try {
        const found = await followed(asked, (file) => describe(file, either));
        if (found === undefined) return undefined;
        const { file, item } = found;
        checkItem(file, item, maxBytes);
        const { etag } = validatorOf(item) ?? {};
        if (etag !== undefined && etag === validator?.etag) return { modified: false };
        return await download(file, item, path, either);
      } catch (error) {
        signal.throwIfAborted();
        const isLate = total.signal.aborted && !PermanentError.is(error) && !TransientError.is(error);
        if (isLate) throw tooSlow(nameOf(asked), `not finished after ${totalMs} ms`, { cause: error });
        // An interrupted body is reported as in any other download.
        if (isNetworkError(error) || isDiskFull(error)) throw downloadError(error, nameOf(asked));
        throw sourceError(error, `give ${nameOf(asked)}`, account.mode);
      }
    },
  };
}

/** Drive makes no shortcuts to shortcuts, so one step is enough. */
async function followed(
  asked: DriveFile,
  describe: (file: DriveFile) => Promise<DriveItem | undefined>,
): Promise<{ file: DriveFile; item: DriveItem } | undefined> {
  const item = await describe(asked);
  if (item?.mimeType !== SHORTCUT) return item && { file: asked, item };
  const { targetId, targetResourceKey } = item.shortcutDetails ?? {};
  if (!targetId) {
    throw permanent(
      'source_not_found',
      `Expected a file behind the shortcut ${asked.id}, got none`,
      'link the file itself',
    );
  }
  const file = { id: targetId, resourceKey: targetResourceKey ?? null };
  const target = await describe(file);
  return target && { file, item: target };
}

function checkItem(file: DriveFile, item: DriveItem, maxBytes: number): void {
  if (GOOGLE_TYPE.test(item.mimeType ?? '')) {
    throw permanent(
      'media_unreadable',
      `Expected a media file, got ${nameOf(file)} of the type ${item.mimeType}`,
      'link a video or audio file',
    );
  }
  const bytes = sizeOf(item);
  if (bytes !== undefined && bytes > maxBytes) throw tooLarge(nameOf(file), maxBytes, bytes);
}

/** Drive lists permissions only to accounts that may share the file, and never for files on shared drives. */
function isOpen({ permissions, permissionIds }: DriveItem): boolean {
  return (
    permissions?.some(({ type }) => type === 'anyone') === true ||
    permissionIds?.some((id) => ANYONE.includes(id)) === true
  );
}

/** https://developers.google.com/workspace/drive/api/guides/resource-keys */
function keyHeaders({ id, resourceKey }: DriveFile): Record<string, string> {
  return resourceKey === null ? {} : { 'X-Goog-Drive-Resource-Keys': `${id}/${resourceKey}` };
}

function validatorOf({ md5Checksum, headRevisionId }: DriveItem): Validator | null {
  if (md5Checksum) return { etag: `md5 ${md5Checksum}` };
  return headRevisionId ? { etag: `revision ${headRevisionId}` } : null;
}

function sizeOf({ size }: DriveItem): number | undefined {
  return size ? Number(size) : undefined;
}

function nameOf({ id }: DriveFile): string {
  return `the Drive file ${id}`;
}
