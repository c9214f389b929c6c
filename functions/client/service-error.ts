import type { ProblemDocument } from '../model/answers/problem.ts';

/** With its whole body. */
export interface Answer {
  response: Response;
  text: string;
  /** Without the query, which may be a signature. */
  address: string;
}

export type MistakeView = NonNullable<ProblemDocument['errors']>[number];

export interface ServiceErrorOptions extends ErrorOptions {
  /** HTTP status; null: there was no whole answer; 0: a redirect that a browser hides. */
  status: number | null;
  problem?: ProblemDocument | undefined;
  requestId?: string | null | undefined;
  retryAfterMs?: number | undefined;
}

/** The service refused a request, did not answer, or what answered is not the service. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  /** HTTP status; null: there was no whole answer; 0: a redirect that a browser hides. */
  readonly status: number | null;
  /** Stable, unlike the texts; null: what answered did not say. */
  readonly code: ProblemDocument['code'] | null;
  /** What to do next. */
  readonly hint: string | null;
  /** Each mistake of an invalid request. */
  readonly mistakes: readonly MistakeView[];
  /** Names the request in the log of the service. */
  readonly requestId: string | null;
  /** How long the service asks to wait before the next try, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    { status, problem, requestId = null, retryAfterMs, ...options }: ServiceErrorOptions,
  ) {
    super(message, options);
    this.status = status;
    this.code = problem?.code ?? null;
    this.hint = problem?.hint ?? null;
    this.mistakes = problem?.errors ?? [];
    this.requestId = requestId;
    this.retryAfterMs = retryAfterMs;
  }

  static is(error: unknown): error is ServiceError {
    return error instanceof ServiceError;
  }

  /** Whether the same request may succeed later: nothing answered, the service is busy or starts again. */
  get isTransient(): boolean {
    return this.status === null || [429, 502, 503, 504].includes(this.status);
  }
}

/** For an answer that is no success, or not one of this service. */
export function refusalOf({ response, text, address }: Answer): ServiceError {
  const { status, headers } = response;
  const problem = problemIn(text);
  const options = {
    status,
    problem,
    requestId: headers.get('x-request-id'),
    retryAfterMs: retryAfterMs(headers),
  };
  if (problem === undefined) {
    const type = headers.get('content-type') ?? 'no Content-Type';
    const got = headers.has('location') ? ` to ${headers.get('location')}` : ` with ${type}`;
    const expected = `Expected an answer of Every Cut from ${address}, got status ${status}${got}.`;
    return new ServiceError(`${expected} Next step: check the URL.`, options);
  }
  const mistakes = (problem.errors ?? []).map(
    ({ pointer, message }) => `  ${pointer || '(request)'}: ${message}`,
  );
  const detail = problem.detail ? ` ${problem.detail}` : '';
  return new ServiceError([`${problem.title} (${status}).${detail}`, ...mistakes].join('\n'), options);
}

/** In milliseconds; undefined without a Retry-After that says so. https://www.rfc-editor.org/rfc/rfc9110#name-retry-after */
export function retryAfterMs(headers: Headers, now = Date.now()): number | undefined {
  const value = headers.get('retry-after') ?? '';
  const asked = /^\d+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - now;
  return Number.isNaN(asked) ? undefined : Math.max(0, asked);
}

function problemIn(text: string): ProblemDocument | undefined {
  try {
    const value = JSON.parse(text) as Partial<ProblemDocument> | null;
    return typeof value?.title === 'string' ? (value as ProblemDocument) : undefined;
  } catch {
    return undefined;
  }
}
