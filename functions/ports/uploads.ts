/** Files that callers sent, to name them as sources. */
import type { Download } from '../model/source.ts';
import type { Downloads } from './downloads.ts';

/** A file that a caller wants to send. */
export interface UploadOffer {
  id: string;
  /** The exact length. */
  bytes: number;
  /** Media type. */
  type: string;
  /** Where callers reach the service, without a trailing slash. */
  base: string;
}

/** How the file is sent: PUT to `url` with exactly these headers, until then. The URL is a permission of its own. */
export interface UploadTarget {
  url: string;
  headers: Readonly<Record<string, string>>;
  expiresAt: Date;
}

/** Files that callers sent, to name them as sources. Each is kept for UPLOAD_DAYS from when it was complete. */
export interface UploadStore {
  /** uploads: stores nothing. */
  offer(offer: UploadOffer): Promise<UploadTarget>;
  /** process-media: whether a file was sent whole, and not too long ago, in the order of the ids. Throws TransientError. */
  areThere(ids: readonly string[]): Promise<boolean[]>;
  /** prepare: as Downloads. Throws PermanentError 'source_not_found' if the file is not there any more. */
  read(id: string, file: string, options: Parameters<Downloads['get']>[2]): Promise<Download>;
  /** uploads: takes files that are sent to this service. Missing where they are sent elsewhere. */
  receiver?: UploadReceiver;
}

export interface UploadReceiver {
  /** Whether this service made the URL, for that id, whether it has expired or not. */
  isOurs(id: string, query: URLSearchParams): boolean;
  /**
   * Stores the body under the id in one step, or nothing. A file that has arrived never changes.
   * @param query of the URL of the request
   * @throws RequestError: 403 if the URL is not ours or has expired, 422 for another length, type or file, 408 if it is too slow
   * @throws TransientError disk_full
   */
  receive(id: string, query: URLSearchParams, sent: SentFile): Promise<void>;
}

export interface SentFile {
  /** Content-Type; null: none. */
  type: string | null;
  /** Content-Length; undefined: unknown. */
  bytes: number | undefined;
  body: AsyncIterable<Uint8Array>;
  /** Fires when the caller is gone. */
  signal: AbortSignal;
}
