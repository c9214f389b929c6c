/**
 * How long released leases, and the rounds of a rest, are remembered after their end. Redeliveries of one message are at
 * most minutes apart, so work that comes again after an hour is a new attempt by the user.
 */
export const MEMORY_MS = 3_600_000;
/** How long crashes and failures are remembered: longer than any work between two of them lasts. */
export const ATTEMPTS_MEMORY_MS = 24 * MEMORY_MS;
