/** Identifies this version of the bytes, according to the server. */
export interface Validator {
  etag?: string;
  lastModified?: string;
}

export type Download =
  | { modified: false }
  | { modified: true; bytes: number; sha256: string; validator: Validator | null };
