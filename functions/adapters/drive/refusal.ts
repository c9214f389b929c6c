import type { Dispatcher } from 'undici';
import { parseRetryAfter } from '../shared/network-errors.ts';
import { header } from '../shared/source-answer.ts';

/** An error response of Google, no matter which client received it: status, reason, and how long to wait. */
export class DriveRefusal extends Error {
  override readonly name = 'DriveRefusal';
  readonly status: number;
  /** `rateLimitExceeded`, `invalid_grant`; '' if Google gave none. */
  readonly reason: string;
  readonly retryAfterMs: number | undefined;

  constructor(status: number, reason: string, retryAfterMs: number | undefined, options?: ErrorOptions) {
    super(`${status} ${reason}`.trim(), options);
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Google rejected the credentials: they are wrong, missing or revoked. */
export class DriveLoginError extends Error {
  override readonly name = 'DriveLoginError';
}

/** The refusal in an error of Google's clients, or in the cause of one of ours; undefined if there is none. */
export function refusalIn(error: unknown): DriveRefusal | undefined {
  if (error instanceof DriveRefusal) return error;
  if (!(error instanceof Error)) return undefined;
  // The client has its own copy of fetch, whose classes are not the global ones.
  const { response } = error as {
    response?: Partial<Pick<Response, 'status' | 'headers'>> & { data?: unknown };
  };
  if (typeof response?.status === 'number') {
    const after = response.headers?.get('retry-after');
    return new DriveRefusal(
      response.status,
      reasonIn(response.data),
      parseRetryAfter(after ?? undefined),
      // Not the client's error, which contains the whole request.
      { cause: new Error(error.message) },
    );
  }
  return refusalIn(error.cause);
}

/** Reads the body of an error response. */
export async function refusalOf(answer: Dispatcher.ResponseData): Promise<DriveRefusal> {
  const after = parseRetryAfter(header(answer.headers, 'retry-after'));
  return new DriveRefusal(answer.statusCode, reasonIn(parsed(await answer.body.text())), after);
}

/** Whether the answer had that status. */
export function wasAnswered(error: unknown, status: number): boolean {
  return refusalIn(error)?.status === status;
}

interface ApiError {
  status?: unknown;
  errors?: { reason?: unknown }[];
  details?: { reason?: unknown }[];
}

/**
 * https://developers.google.com/workspace/drive/api/guides/handle-errors and, of the token endpoint, RFC 6749, 5.2.
 * Newer APIs of Google give the reason in the details: https://google.aip.dev/193
 */
function reasonIn(body: unknown): string {
  const error = (typeof body === 'string' ? parsed(body) : body) as { error?: string | ApiError } | null;
  if (typeof error?.error === 'string') return error.error;
  const { errors, details, status } = error?.error ?? {};
  const reasons = [errors?.[0]?.reason, details?.find(({ reason }) => reason !== undefined)?.reason, status];
  return reasons.find((reason): reason is string => typeof reason === 'string') ?? '';
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
