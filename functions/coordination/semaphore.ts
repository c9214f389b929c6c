/** Runs work when there is room for it. Work may give its room back early and continue without it. */
export type Semaphore = <T>(work: (release: () => void) => Promise<T>) => Promise<T>;

/** Runs all work at once. */
export const UNLIMITED: Semaphore = (work) => work(() => {});
