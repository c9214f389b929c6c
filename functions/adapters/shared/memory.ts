/**
 * How long released and lapsed leases, and records of attempts, are remembered after their last change. Redeliveries of one
 * message are at most minutes apart: what comes after an hour is another try of the user's.
 */
export const MEMORY_MS = 3_600_000;
