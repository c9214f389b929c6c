/** What became of the work that was begun under a key, as far as it is remembered. */
export interface Attempts {
  /** Holders that ended without a word: killed, out of memory, or cut off from the store. */
  crashes: number;
  /** Orderly ends with an unexpected error. */
  failures: number;
}

export const NO_ATTEMPTS: Attempts = { crashes: 0, failures: 0 };
