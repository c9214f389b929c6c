/** Seconds. Clips take seconds to minutes; who asks so often stays far below the limit of requests. */
const POLL_SECONDS = 2;

/** For answers about work that goes on. */
export const POLL_LATER: Readonly<Record<string, string>> = { 'retry-after': String(POLL_SECONDS) };
