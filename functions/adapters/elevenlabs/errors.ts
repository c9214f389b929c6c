import type { ElevenLabsError } from 'elevenlabs';
import { PermanentError, TransientError } from '../../base/errors.ts';
import { parseRetryAfter } from '../shared/network-errors.ts';
import { notFound } from './voices.ts';

/** An error response, read from any of the shapes in which the vendor sends them. */
export interface Refusal {
  status: number;
  /**
   * `code`, `status` and `type` of the detail. The first two may differ, and either may be the specific one:
   * "unauthorized" with "missing_permissions", "paid_plan_required" with "payment_required".
   * https://elevenlabs.io/docs/eleven-api/resources/errors
   */
  reasons: readonly string[];
  /** The vendor's full text. */
  message: string;
  headers: { get(name: string): string | null };
}

/** Comes with 400, 401, 402, 403 or 429. A retry does not help. */
const QUOTA = /^(quota_exceeded|insufficient_(credits|quota|funds))$/;
const TOO_MANY = /^(too_many_concurrent_requests|concurrent_limit_exceeded)$/;
const BUSY = /^(system_busy|rate_limit(_exceeded|_error)?|too_many_requests)$/;
const BUSY_STATUS: readonly number[] = [408, 409, 425, 429];
/** A voice from the library counts against the account's limit on voices. */
const NO_VOICE =
  /^(voice_not_found|voice_does_not_exist|invalid_voice_id|voice_access_denied|voice_limit.*)$/;
/** The key, the account or the plan is at fault, not the line. Some come with 400. */
const NOT_ALLOWED =
  /^(invalid_api_key|needs_authorization|unauthorized|missing_permissions|only_for_.*|detected_unusual_activity|subscription_required|paid_plan_required|(output_format|model)_not_allowed|model_access_denied|invalid_subscription)$/;
const NO_MODEL = /^(model_not_found|invalid_model.*|model_.*_deprecated|unsupported_model)$/;
/** The SDK's errors, by name: the SDK may not be loaded. */
const VENDOR_ERRORS = new Set(['ElevenLabsError', 'UnprocessableEntityError', 'ElevenLabsTimeoutError']);
const LONGEST_MESSAGE = 300;

/** The error gate: translates errors of the SDK into ours. Other errors are returned unchanged. */
export function elevenLabsError(error: unknown, apiKey: string): unknown {
  // Causes are logged, and the text of this one contains the body of the answer, which may quote the key.
  const options = error instanceof Error && !error.message.includes(apiKey) ? { cause: error } : {};
  const refusal = refusalOf(error);
  if (refusal) return refusedAs(refusal, apiKey, options);
  if (!(error instanceof Error)) return error;
  if (error.name === 'ParseError') {
    return failed('an answer of the documented shape', 'another one', CHECK_URL, options);
  }
  if (error.name === 'JsonError') {
    const format = 'check ELEVENLABS_FORMAT and ELEVENLABS_VOICE_SETTINGS';
    return failed('settings that its client accepts', shortened(error.message), format, options);
  }
  if (!VENDOR_ERRORS.has(error.name)) return error;
  if (error.cause instanceof SyntaxError) {
    return new TransientError('speech_busy', 'Expected JSON from ElevenLabs, got something else.', options);
  }
  const code = error.name === 'ElevenLabsTimeoutError' ? 'ETIMEDOUT' : systemCode(error);
  return code === undefined ? error : noAnswer(code, options);
}

/** What fetch itself threw, as ours; an error without a code of the system is returned unchanged. */
export function networkError(error: unknown): unknown {
  const code = error instanceof Error ? systemCode(error) : undefined;
  return code === undefined ? error : noAnswer(code, { cause: error });
}

function noAnswer(code: string, options: ErrorOptions): TransientError {
  return new TransientError(
    'network',
    `Expected an answer from ElevenLabs, got ${code}. Next step: check the network.`,
    options,
  );
}

/** The error of an answer to a question about voices, which costs nothing and which no task waits for. */
export function listRefused(
  { status, body, headers }: Pick<Refusal, 'status' | 'headers'> & { body: unknown },
  apiKey: string,
): PermanentError | TransientError {
  const refusal = { status, headers, ...detailOf(body) };
  const got = gotOf(refusal, apiKey);
  if (isBusy(refusal)) return busy('to list its voices', got, { headers });
  if (!isNotAllowed(refusal))
    return failed(
      'a list of voices',
      got,
      status === 404 || status === 405 ? CHECK_ADDRESS : 'fix what it says',
    );
  return new PermanentError(
    'speech_refused',
    'speak',
    `Expected ElevenLabs to show its voices to this key, got ${got}. Next step: set ELEVENLABS_VOICES_KEY, or ELEVENLABS_API_KEY without it, to a key that may read voices.`,
  );
}

/** Undefined if there was no answer, because of the network, a time limit or a bug. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (!(error instanceof Error && VENDOR_ERRORS.has(error.name))) return undefined;
  const { statusCode, body, rawResponse } = error as ElevenLabsError;
  if (statusCode === undefined) return undefined;
  return { status: statusCode, ...detailOf(body), headers: rawResponse?.headers ?? new Headers() };
}

/** Whether there were more concurrent requests than the plan allows. */
export function isTooMany({ reasons }: Refusal): boolean {
  return isOneOf(reasons, TOO_MANY);
}

/** Permanent, because a complete answer has been paid for and each retry would cost the same again. */
export function failed(
  expected: string,
  got: string,
  nextStep: string,
  options?: ErrorOptions,
): PermanentError {
  return new PermanentError(
    'speech_failed',
    'speak',
    `Expected ${expected} from ElevenLabs, got ${got}. Next step: ${nextStep}.`,
    options,
  );
}

const RETRY = 'then retry the task';
export const CHECK_ADDRESS = 'check that ELEVENLABS_API_URL is an address of its API';
export const CHECK_URL = `${CHECK_ADDRESS}, ${RETRY}`;

function refusedAs(refusal: Refusal, apiKey: string, options: ErrorOptions): PermanentError | TransientError {
  const { status, reasons, headers } = refusal;
  const is = (pattern: RegExp) => isOneOf(reasons, pattern);
  const got = gotOf(refusal, apiKey);
  if (is(QUOTA)) {
    return new PermanentError(
      'speech_quota',
      'speak',
      `Expected credits left with ElevenLabs, got ${got}. Next step: upgrade the plan, or raise the limit of the key, ${RETRY}.`,
      options,
    );
  }
  if (isBusy(refusal)) return busy('to speak', got, { headers, ...options });
  if (is(NO_VOICE)) {
    return notFound(
      `a voice that this ElevenLabs account may use, got ${got}`,
      'the id or the full name of one',
      options,
    );
  }
  if (isNotAllowed(refusal)) {
    return new PermanentError(
      'speech_refused',
      'speak',
      `Expected ElevenLabs to let this key speak, got ${got}. Next step: set an ELEVENLABS_API_KEY with these permissions, of an account whose plan allows it.`,
      options,
    );
  }
  return failed('speech', got, hintOf(status, is), options);
}

/** With the vendor's own words, without the key. */
function gotOf({ status, reasons, message }: Refusal, apiKey: string): string {
  const said = shortened([reasons[0], message].filter(Boolean).join(': ').replaceAll(apiKey, '***'));
  return said === '' ? `${status}` : `${status} (${said})`;
}

function busy(
  expected: string,
  got: string,
  { headers, ...options }: Pick<Refusal, 'headers'> & ErrorOptions,
): TransientError {
  const retryAfterMs = parseRetryAfter(headers.get('retry-after') ?? undefined);
  return new TransientError('speech_busy', `Expected ElevenLabs ${expected}, got ${got}.`, {
    ...options,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

function isOneOf(reasons: readonly string[], pattern: RegExp): boolean {
  return reasons.some((reason) => pattern.test(reason));
}

function isBusy({ status, reasons }: Refusal): boolean {
  return (
    BUSY_STATUS.includes(status) || status >= 500 || isOneOf(reasons, BUSY) || isOneOf(reasons, TOO_MANY)
  );
}

function isNotAllowed({ status, reasons }: Refusal): boolean {
  return isOneOf(reasons, NOT_ALLOWED) || status === 401 || status === 402 || status === 403;
}

function hintOf(status: number, is: (pattern: RegExp) => boolean): string {
  if (is(NO_MODEL)) return 'set ELEVENLABS_MODEL to a text-to-speech model';
  if (is(/output_format/)) return 'set ELEVENLABS_FORMAT to one of its formats';
  return status === 404 || status === 405 ? CHECK_URL : 'fix what it says, or shorten or simplify the text';
}

/** An object, a sentence, or the list of a validation (422). Proxies on the way answer with web pages. */
function detailOf(body: unknown): Pick<Refusal, 'reasons' | 'message'> {
  const detail = isRecord(body) ? (body['detail'] ?? body) : body;
  if (typeof detail === 'string') {
    const text = detail.trim();
    return { reasons: [], message: text.startsWith('<') ? 'a web page' : text };
  }
  if (Array.isArray(detail)) {
    return { reasons: ['validation_error'], message: detail.map(mistake).join('; ') };
  }
  if (!isRecord(detail)) return { reasons: [], message: '' };
  const reasons = [detail['code'], detail['status'], detail['type']].filter(
    (reason): reason is string => typeof reason === 'string' && reason !== '',
  );
  const { message } = detail;
  return { reasons: mostTelling(reasons), message: typeof message === 'string' ? message : '' };
}

/** Puts a reason that one of our rules knows first, because messages name the first one. */
function mostTelling(reasons: readonly string[]): string[] {
  const known = [QUOTA, TOO_MANY, NO_VOICE, NO_MODEL, NOT_ALLOWED, BUSY];
  const rank = (reason: string) => {
    // "unauthorized" accompanies every other reason of a 401.
    if (reason === 'unauthorized') return known.length;
    const at = known.findIndex((pattern) => pattern.test(reason));
    return at === -1 ? known.length : at;
  };
  return reasons.toSorted((one, other) => rank(one) - rank(other));
}

function mistake(entry: unknown): string {
  if (!isRecord(entry)) return String(entry);
  const { loc, msg } = entry;
  const where = Array.isArray(loc) ? `${loc.join('.')}: ` : '';
  return where + (typeof msg === 'string' ? msg : 'not valid');
}

function shortened(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > LONGEST_MESSAGE ? `${line.slice(0, LONGEST_MESSAGE)}...` : line;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The error of the socket is the cause of fetch's error, which is the cause of the SDK's. */
function systemCode(error: Error): string | undefined {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const { code } = at as NodeJS.ErrnoException;
    if (typeof code === 'string') return code;
  }
  return undefined;
}
