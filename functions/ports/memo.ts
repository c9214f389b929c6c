/** Memos: values that are remembered across tasks and restarts. */

/** Texts by key. Keys may be secret, for example signed URLs, so they are stored as hashes. */
export interface Memo {
  /** In the order of the keys; undefined for a missing value. */
  recall(keys: readonly string[]): Promise<(string | undefined)[]>;
  /**
   * outputs, for ids that a vendor assigns before the file exists. Only the first value counts; it is returned. `value`
   * replaces it only if it equals `gone`, a value that is no longer of use.
   */
  settle(key: string, value: string, gone?: string): Promise<string>;
  /** fetch, for what a URL last returned. The last value counts. */
  remember(key: string, value: string): Promise<void>;
}
