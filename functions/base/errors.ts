/** Errors that decide what happens to a message: a PermanentError is reported, a TransientError is retried. */
import type { PermanentCode, RequestCode, TransientCode } from './codes.ts';

export const STAGES = ['download', 'probe', 'conform', 'measure', 'speak', 'mix', 'save', 'deliver'] as const;
export type Stage = (typeof STAGES)[number];

/** A permanent failure as it appears in reports, pins and API answers. */
export interface Failure {
  code: PermanentCode;
  message: string;
  stage: Stage;
}

/** A retry cannot help: the failure is reported and the message is acknowledged. */
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

/**
 * The longest pause that another side's word is taken for. Retry-After may be a day, or no sensible number at all, and
 * work that waits for one cannot be told from work that is lost.
 */
export const MOST_ASKED_MS = 600_000;

export interface TransientOptions extends ErrorOptions {
  /** How long the other side asked us to wait, in milliseconds; cut to 0..MOST_ASKED_MS. */
  retryAfterMs?: number;
}

/** A retry may help: the step is retried, and once it runs out of time the message is handed back to the queue. */
export class TransientError extends Error {
  override readonly name = 'TransientError';
  readonly code: TransientCode;
  readonly retryAfterMs: number | undefined;

  constructor(code: TransientCode, message: string, options?: TransientOptions) {
    super(message, options);
    this.code = code;
    const asked = options?.retryAfterMs ?? NaN;
    this.retryAfterMs = Number.isNaN(asked) ? undefined : Math.min(Math.max(0, asked), MOST_ASKED_MS);
  }

  static is(error: unknown): error is TransientError {
    return error instanceof TransientError;
  }
}

/**
 * missing: a required field. unknown: a field or parameter that does not exist. repeated: given twice. invalid: a value of the
 * wrong kind or range. invalid_url: an address that cannot be used. conflict: fields that contradict each other. too_many: over
 * a limit. more: not a mistake itself, says how many more there are.
 */
export const MISTAKE_CODES = [
  'missing',
  'unknown',
  'repeated',
  'invalid',
  'invalid_url',
  'conflict',
  'too_many',
  'more',
] as const;
export type MistakeCode = (typeof MISTAKE_CODES)[number];

export interface Mistake {
  /** JSON Pointer (RFC 6901) into the request body; '' for the whole body. */
  pointer: string;
  code: MistakeCode;
  message: string;
}

/** An HTTP error answer, sent as application/problem+json (RFC 9457). */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly code: RequestCode;
  readonly mistakes: readonly Mistake[];
  /** Replaces the general hint of the code when a more specific one is known. */
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

/** Whether the disk is full, by Node's error code or by ffmpeg's message. */
export function isDiskFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOSPC' || code === 'EDQUOT' || /No space left on device/i.test(error.message);
}

/** One of our own errors, or a full disk: it says all by its message, and no bug is behind it. */
export function isExpected(error: unknown): error is Error {
  return TransientError.is(error) || PermanentError.is(error) || RequestError.is(error) || isDiskFull(error);
}

/** A disk is full or not mounted, which says nothing about the work: it goes on as soon as that has changed. */
export function isShortage(error: unknown): boolean {
  return TransientError.is(error) && isShortageCode(error.code);
}

export function isShortageCode(code: TransientCode): boolean {
  return code === 'disk_full' || code === 'output_gone';
}

const NO_PROBLEM: readonly TransientCode[] = ['waiting', 'cancelled', 'lease_lost'];

/** Whether it only says that work is done elsewhere, or is no longer wanted. */
export function isNoProblem(error: unknown): boolean {
  return TransientError.is(error) && NO_PROBLEM.includes(error.code);
}

/** Whether retries must be limited: the error is of no known kind, or something outside killed ffmpeg. */
export function isUnexpected(error: unknown): boolean {
  if (TransientError.is(error)) return error.code === 'ffmpeg_killed';
  return !PermanentError.is(error) && !isDiskFull(error);
}
