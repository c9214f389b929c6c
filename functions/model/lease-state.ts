/**
 * none: never taken, or not held and last changed over an hour ago. released: released by its last holder. lapsed: its
 * last holder neither released nor renewed it in time.
 */
export type LeaseState = 'none' | 'held' | 'released' | 'lapsed';
