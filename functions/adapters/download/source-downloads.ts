import { PermanentError } from '../../base/errors.ts';
import type { Download } from '../../model/source.ts';
import {
  type DriveFile,
  locationRefusal,
  type SourceRules,
  type StorageObject,
} from '../../model/source-location.ts';
import type { Downloads } from '../../ports/downloads.ts';
import type { UploadStore } from '../../ports/uploads.ts';
import type { WebDownloads } from './download.ts';

type Options = Parameters<Downloads['get']>[2];

export interface SourceDownloadsOptions {
  rules: SourceRules;
  /** Reads a URL without credentials. */
  web: Pick<WebDownloads, 'get'>;
  /** Reads buckets with the service's own account. */
  storage: { get(object: StorageObject, file: string, options: Options): Promise<Download> };
  /** Reads Drive with an account, if there is one. Returns undefined for files that callers may not get through it. */
  drive?: { get(file: DriveFile, path: string, options: Options): Promise<Download | undefined> } | undefined;
  uploads: Pick<UploadStore, 'read'>;
  /** Base URL of files that are shared by link; Google's own by default. */
  driveLinkUrl?: string | undefined;
}

/** The target of the browser's download button, past the page that warns of large files. */
const DRIVE_LINK_URL = 'https://drive.usercontent.google.com/download';

/**
 * Reads each source from its location. Accounts are used only for what the rules of this process allow, even if the
 * rules were different when the request was accepted.
 */
export function createSourceDownloads(options: SourceDownloadsOptions): Downloads {
  const { rules, web, storage, drive, uploads, driveLinkUrl = DRIVE_LINK_URL } = options;

  const byLink = async (file: DriveFile, path: string, how: Options): Promise<Download> => {
    try {
      return await web.get(linkAddress(driveLinkUrl, file), path, how);
    } catch (error) {
      throw notByLink(error, file, drive !== undefined);
    }
  };

  return {
    async get(location, file, how) {
      const refusal = locationRefusal(location, rules);
      if (refusal !== undefined) {
        throw new PermanentError(
          'source_forbidden',
          'download',
          `Expected a source that may be read, got ${refusal.got}. Next step: ${refusal.next}`,
        );
      }
      switch (location.kind) {
        case 'web':
          return web.get(location.url, file, how);
        case 'storage':
          return storage.get(location, file, how);
        case 'drive':
          return (await drive?.get(location, file, how)) ?? byLink(location, file, how);
        case 'upload':
          return uploads.read(location.id, file, how);
      }
    },
  };
}

function linkAddress(base: string, { id, resourceKey }: DriveFile): string {
  const query = new URLSearchParams({ id, export: 'download', confirm: 't' });
  if (resourceKey !== null) query.set('resourcekey', resourceKey);
  return `${base}?${query}`;
}

/** Without a sign-in, Drive returns a web page if the file is not shared with everyone. */
function notByLink(error: unknown, { id }: DriveFile, hasAccount: boolean): unknown {
  if (!PermanentError.is(error)) return error;
  if (error.code !== 'media_unreadable' && error.code !== 'source_forbidden') return error;
  const account = hasAccount
    ? 'or set DRIVE_SOURCES=account, which lets callers read everything that the account can read'
    : 'or let the service read it with an account: set DRIVE_AUTH and DRIVE_SOURCES=account';
  return new PermanentError(
    'source_forbidden',
    'download',
    `Expected the Drive file ${id} to be shared with anyone who has the link, got a page of Drive instead of the file. ` +
      `Next step: share it like that, ${account}. A file that was downloaded very often today is available again tomorrow.`,
    { cause: error },
  );
}
