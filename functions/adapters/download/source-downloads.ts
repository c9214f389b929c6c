import { PermanentError } from '../../base/errors.ts';
import type { Download } from '../../model/source.ts';
import {
  type DriveFile,
  type SourceRules,
  type StorageObject,
  sourceLocation,
} from '../../model/source-url.ts';
import type { Downloads } from '../../ports.ts';

type Options = Parameters<Downloads['get']>[2];

export interface SourceDownloadsOptions {
  rules: SourceRules;
  /** As anyone would read an address. */
  web: Downloads;
  /** Buckets, by the service's account. */
  storage: { get(object: StorageObject, file: string, options: Options): Promise<Download> };
  /** Drive by an account, where there is one; undefined comes of a file that callers may not have through it. */
  drive?: { get(file: DriveFile, path: string, options: Options): Promise<Download | undefined> } | undefined;
  /** Where anyone downloads what is shared by link; Google's own by default. */
  driveLinkUrl?: string | undefined;
}

/** What the browser's download button leads to, past the page that warns of large files. */
const DRIVE_LINK_URL = 'https://drive.usercontent.google.com/download';

/**
 * Reads each address in the way that it asks for. Nobody gets a private object out by naming it: accounts are used for
 * what the rules allow, all else is read as anyone would.
 */
export function createSourceDownloads(options: SourceDownloadsOptions): Downloads {
  const { rules, web, storage, drive, driveLinkUrl = DRIVE_LINK_URL } = options;

  const byLink = async (file: DriveFile, path: string, how: Options): Promise<Download> => {
    try {
      return await web.get(linkAddress(driveLinkUrl, file), path, how);
    } catch (error) {
      throw notByLink(error, file, drive !== undefined);
    }
  };

  return {
    async get(url, file, how) {
      const way = sourceLocation(url, rules);
      switch (way.kind) {
        case 'web':
          return web.get(url, file, how);
        case 'storage':
          return storage.get(way, file, how);
        case 'drive':
          return (await drive?.get(way, file, how)) ?? byLink(way, file, how);
        case 'refused':
          // A request with it is refused; the settings may have changed since.
          throw new PermanentError(
            'source_forbidden',
            'download',
            `Expected a source that may be read, got ${way.got}. Next step: ${way.next}`,
          );
      }
    },
  };
}

function linkAddress(base: string, { id, resourceKey }: DriveFile): string {
  const query = new URLSearchParams({ id, export: 'download', confirm: 't' });
  if (resourceKey !== undefined) query.set('resourcekey', resourceKey);
  return `${base}?${query}`;
}

/** To who is not signed in, Drive answers with pages. */
function notByLink(error: unknown, { id }: DriveFile, hasAccount: boolean): unknown {
  if (!PermanentError.is(error)) return error;
  if (error.code !== 'media_unreadable' && error.code !== 'source_forbidden') return error;
  const account = hasAccount
    ? 'or set DRIVE_SOURCES=account, which lets callers have all that the account can read'
    : 'or have the service read it by an account: DRIVE_AUTH and DRIVE_SOURCES=account';
  return new PermanentError(
    'source_forbidden',
    'download',
    `Expected the Drive file ${id} to be shared with anyone who has the link, got a page of Drive instead of the file. ` +
      `Next step: share it so, ${account}. A file that was downloaded very often today comes back tomorrow.`,
    { cause: error },
  );
}
