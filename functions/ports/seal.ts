/** Seals: whether a stored record is as this service wrote it. */

/** The stores of tasks and reports seal what they write, because other accounts may write to the same database. */
export interface Seal {
  /** The seal to store beside exactly this content. `name` says which record it is. Throws in `prepare`. */
  of(name: string, content: string | Uint8Array): string;
  /** Whether the record of that name was sealed with exactly this content. Logs a forged one (`record.forged`) once. */
  fits(name: string, content: string | Uint8Array, seal: unknown): boolean;
}
