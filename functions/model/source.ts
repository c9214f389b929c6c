/** What identifies this version of the bytes, as the server says. */
export interface Validator {
  etag?: string;
  lastModified?: string;
}

export type Download =
  | { modified: false }
  | { modified: true; bytes: number; sha256: string; validator: Validator | null };
