/** The child processes of this host, for the one after it. */

/** Records the child processes of this host, so that the next host can end those that outlive it. */
export interface ChildRecords {
  /**
   * Called right after the start of a child that leads its own process group. Never throws; at worst it is not
   * recorded.
   */
  started(pid: number): void;
  /** Called when the child has ended. */
  ended(pid: number): void;
}
