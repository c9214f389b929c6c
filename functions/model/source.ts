/** What a server said identifies this version of the bytes. */
export interface Validator {
  etag?: string;
  lastModified?: string;
}

export type Download =
  | { modified: false }
  | { modified: true; bytes: number; sha256: string; validator: Validator | null };
