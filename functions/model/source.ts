/** Identifies this version of the bytes, according to the server. */
export interface Validator {
  /** Enough by itself if it is strong: without "W/". */
  etag?: string;
  /** Says nothing without `bytes`. */
  lastModified?: string;
  /** Length that the server announced. */
  bytes?: number;
}

export type Download =
  | { modified: false }
  | { modified: true; bytes: number; sha256: string; validator: Validator | null };
