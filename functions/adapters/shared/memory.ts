/**
 * How long released and lapsed leases, and records of attempts, are remembered after their last change. Redeliveries of
 * one message are at most minutes apart, so work that comes again after an hour is a new attempt by the user.
 */
export const MEMORY_MS = 3_600_000;
