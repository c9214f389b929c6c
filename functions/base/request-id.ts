/** Keeps the id of the request that the current work belongs to: in the header X-Request-Id, the log and errors. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';

/** Safe in headers, log lines and shells, and long enough for every common kind of id. */
const ID = /^[A-Za-z0-9._-]{1,128}$/;

const current = new AsyncLocalStorage<string>();
/** Taken while this module loads, when the process does not work on anything yet. */
const outside = AsyncLocalStorage.snapshot();

/** The id that the caller has given, if it can be one; otherwise a new UUID. */
export function requestIdFrom(header: unknown): string {
  return typeof header === 'string' && ID.test(header) ? header : randomUUID();
}

/** Runs `work` as part of the request with that id. */
export function duringRequest<T>(id: string, work: () => T): T {
  return current.run(id, work);
}

/**
 * Runs what other work only sets off and does not wait for, such as work that serves all requests: apart from the request, the
 * trace and everything else that work knows from its context.
 */
export function apartFromRequests<T>(work: () => T): T {
  return outside(work);
}

/** Undefined outside of requests. */
export function requestId(): string | undefined {
  return current.getStore();
}

/** For each log line that a request causes. */
export function requestFields(): Record<string, unknown> {
  const id = current.getStore();
  return id === undefined ? {} : { request_id: id };
}
