/** Runs work when there is room for it. Work may give its room back early and continue without it. */
export type Semaphore = <T>(work: (release: () => void) => Promise<T>) => Promise<T>;

export interface PlaceUsage {
  /** Work under way, also long work that made way for that of others. */
  used: number;
  /** How much of it there may be at a time, besides long work that made way. */
  limit: number;
}

/** What gives places, and tells how many of them are taken. */
export type Counted<F> = F & { usage(): PlaceUsage };

/** Runs all work at once. */
export const UNLIMITED: Semaphore = (work) => work(() => {});
