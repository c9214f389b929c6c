import { randomUUID } from 'node:crypto';
import { isDiskFull, RequestError, TransientError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { requestId } from '../base/request-id.ts';
import { problem } from './json-body.ts';

/** Where nothing else is known. */
const RETRY_AFTER_MS = 30_000;

/** The answer to a request that failed with this error. Logs what is not the caller's mistake. */
export function asProblem(error: unknown, log: Log): Response {
  if (RequestError.is(error)) {
    if (error.code === 'output_folder') log.error(error.message, { event: 'request.failed', error });
    return problem(error);
  }
  const request_id = requestId() ?? randomUUID();
  const reason = TransientError.is(error)
    ? error.message
    : isDiskFull(error)
      ? 'the disk is full'
      : undefined;
  if (reason !== undefined) {
    log.warn(`A request got 503: ${reason}`, { event: 'request.failed', request_id, error });
    const detail = `Expected the service to be ready, got: ${reason}`;
    return problem(
      new RequestError('unavailable', detail, { headers: { 'retry-after': retryAfter(error) } }),
    );
  }
  log.error(`A request failed with an unexpected error (${request_id})`, {
    event: 'request.failed',
    request_id,
    error,
  });
  return problem(
    new RequestError('internal', `Expected to answer the request, got an internal error (${request_id}).`),
  );
}

/** In whole seconds. */
function retryAfter(error: unknown): string {
  const ms = (TransientError.is(error) ? error.retryAfterMs : undefined) ?? RETRY_AFTER_MS;
  return String(Math.max(1, Math.ceil(ms / 1_000)));
}
