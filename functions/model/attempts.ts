/** How earlier work under a key ended, as far as it is remembered. */
export interface Attempts {
  /** Holders that ended without reporting it: killed, out of memory, or cut off from the store. */
  crashes: number;
  /** Holders that ended with an unexpected error. */
  failures: number;
}

export const NO_ATTEMPTS: Attempts = { crashes: 0, failures: 0 };
