/**
 * How long released leases, and the rounds of a rest, are remembered after their end. Redeliveries of one message are at
 * most minutes apart, so work that comes again after an hour is a new attempt by the user.
 */
export const MEMORY_MS = 3_600_000;
/** How long crashes and failures are remembered: longer than any work between two of them lasts. */
export const ATTEMPTS_MEMORY_MS = 24 * MEMORY_MS;
/**
 * How long a lease that was never released is kept: it tells its next holder of a crash. The messages of work that died
 * come again within minutes.
 */
export const LAPSED_MS = 48 * MEMORY_MS;
export const DAY_MS = 24 * MEMORY_MS;
/**
 * Memos are kept this much longer than tasks. Their last use is recorded once a day, and a task may try to save a file a
 * day before it ends: its retry must find the file's id.
 */
export const MEMO_EXTRA_DAYS = 3;
