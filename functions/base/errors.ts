/**
 * The errors that decide what happens to a message. A PermanentError is reported at once and the message
 * acknowledged; a TransientError is retried inside the step and, past the step's time, handed back for redelivery.
 */
import type { PermanentCode, RequestCode, TransientCode } from './codes.ts';

export type Stage = 'download' | 'probe' | 'conform' | 'measure' | 'speak' | 'mix' | 'save' | 'deliver';

/** What a report, a pin and the API say about something that failed for good. */
export interface Failure {
  code: PermanentCode;
  message: string;
  stage: Stage;
}

/** Trying again cannot help: it is reported, and its message acknowledged. */
export class PermanentError extends Error {
  override readonly name = 'PermanentError';
  readonly code: PermanentCode;
  readonly stage: Stage;

  constructor(code: PermanentCode, stage: Stage, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.stage = stage;
  }

  static is(error: unknown): error is PermanentError {
    return error instanceof PermanentError;
  }

  get failure(): Failure {
    return { code: this.code, message: this.message, stage: this.stage };
  }
}

export interface TransientOptions extends ErrorOptions {
  /** Milliseconds the other side asked us to wait. */
  retryAfterMs?: number;
}

/** Trying again later may help: retried inside the step, then handed back to the queue. */
export class TransientError extends Error {
  override readonly name = 'TransientError';
  readonly code: TransientCode;
  readonly retryAfterMs: number | undefined;

  constructor(code: TransientCode, message: string, options?: TransientOptions) {
    super(message, options);
    this.code = code;
    this.retryAfterMs = options?.retryAfterMs;
  }

  static is(error: unknown): error is TransientError {
    return error instanceof TransientError;
  }
}

export interface Mistake {
  /** JSON Pointer (RFC 6901) into the request body, '' for the whole of it. */
  pointer: string;
  message: string;
}

/** An answer other than success to an HTTP request; becomes application/problem+json (RFC 9457). */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly code: RequestCode;
  readonly mistakes: readonly Mistake[];
  /** What to do, where more is known than the code's own hint. */
  readonly hint: string | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: RequestCode,
    detail: string,
    options: ErrorOptions & {
      mistakes?: readonly Mistake[];
      hint?: string;
      headers?: Record<string, string>;
    } = {},
  ) {
    super(detail, options);
    this.code = code;
    this.mistakes = options.mistakes ?? [];
    this.hint = options.hint;
    this.headers = options.headers ?? {};
  }

  static is(error: unknown): error is RequestError {
    return error instanceof RequestError;
  }
}

/** Did the disk run full? Node's own error or ffmpeg's words for it. */
export function isDiskFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOSPC' || code === 'EDQUOT' || /No space left on device/i.test(error.message);
}

/** Ended in a way that must not repeat for ever: nobody foresaw it, or ffmpeg was ended from outside. */
export function isUnexpected(error: unknown): boolean {
  if (TransientError.is(error)) return error.code === 'ffmpeg_killed';
  return !PermanentError.is(error) && !isDiskFull(error);
}
