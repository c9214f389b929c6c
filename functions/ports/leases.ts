/** Leases: which process works on what, by the store's clock. */
import type { LeaseState } from '../model/lease-state.ts';

export interface Lease {
  readonly key: string;
  /** New at each take; renewals and releases with an earlier token have no effect. */
  readonly token: string;
  /**
   * How the previous holder ended. none: there was none, or it released the lease over an hour ago. lapsed: it neither
   * released nor renewed the lease, however long ago that was.
   */
  readonly previous: Exclude<LeaseState, 'held'>;
  /** The token of the lease that lapsed. */
  readonly lapsed?: string;
}

export interface LeaseStore {
  /** A holder that has not renewed for this long counts as dead. Holders renew three times within it. */
  readonly ttlMs: number;
  /** How often waiting callers check whether the holder is done. */
  readonly pollMs: number;
  /**
   * Returns undefined while a living holder has the lease. Of many concurrent calls, exactly one gets it.
   * @param holder who takes it, for `holderOf`
   */
  take(key: string, ttlMs: number, holder?: string): Promise<Lease | undefined>;
  /** Who has the lease now, '' if unnamed; undefined if nobody has. */
  holderOf(key: string): Promise<string | undefined>;
  /** Returns false if the lease was taken over or has lapsed; the holder must stop and must not save. */
  renew(lease: Lease, ttlMs: number): Promise<boolean>;
  /**
   * Ends the lease in order, even after it has lapsed. Returns false, and has no effect, once another holder has taken
   * it.
   */
  release(lease: Lease): Promise<boolean>;
  /** In the order of the keys. */
  read(keys: readonly string[]): Promise<LeaseState[]>;
}
