import type { PermanentCode, TransientCode } from '../../base/codes.ts';
import { isDiskFull, PermanentError, type Stage, TransientError } from '../../base/errors.ts';
import { isConnectionCode, parseRetryAfter } from '../shared/network-errors.ts';

/** What a bucket is used for. Decides which of our errors a failure becomes. */
export type Purpose = 'outputs' | 'artifacts' | 'sources';

interface Verdicts {
  stage: Stage;
  login: PermanentCode;
  forbidden: PermanentCode;
  missing: PermanentCode;
  busy: TransientCode;
  network: TransientCode;
  nextStep: { login: string; forbidden: string; missing: string };
}

const LOGIN_STEP = 'give the service valid credentials (gcloud auth application-default login)';

const VERDICTS: Readonly<Record<Purpose, Verdicts>> = {
  outputs: {
    stage: 'save',
    login: 'output_login',
    forbidden: 'output_forbidden',
    missing: 'output_missing',
    busy: 'output_busy',
    network: 'network',
    nextStep: {
      login: LOGIN_STEP,
      forbidden: 'give the account Storage Object User on the bucket',
      missing: 'check OUTPUT_BUCKET',
    },
  },
  artifacts: {
    stage: 'save',
    login: 'cache_failed',
    forbidden: 'cache_failed',
    missing: 'cache_failed',
    busy: 'platform_unavailable',
    network: 'platform_unavailable',
    nextStep: {
      login: LOGIN_STEP,
      forbidden:
        'let the account view and create objects in the bucket (in the cloud, infra/cloud/setup.sh does)',
      missing: 'check CACHE_BUCKET',
    },
  },
  sources: {
    stage: 'download',
    login: 'source_forbidden',
    forbidden: 'source_forbidden',
    missing: 'source_not_found',
    busy: 'source_busy',
    network: 'network',
    nextStep: {
      login: LOGIN_STEP,
      forbidden:
        'give the account of the service Storage Object Viewer on the bucket, or send a signed https URL',
      missing: 'check the address',
    },
  },
};

/**
 * https://cloud.google.com/storage/docs/retry-strategy; 409 is two writers at once, 410 an upload session that has
 * ended.
 */
const BUSY: readonly number[] = [408, 409, 410, 425, 429];
/**
 * Rate limits that are reported as 403: https://cloud.google.com/storage/docs/json_api/v1/status-codes#403-forbidden
 */
const LIMITED = /^(rateLimitExceeded|userRateLimitExceeded|quotaExceeded)$/;
/** Messages of google-auth-library, and of OAuth for a refused refresh token or key. */
const CREDENTIALS =
  /Could not load the default credentials|Unable to read the credential file|Could not refresh access token|Unable to detect a Project Id/;
const OAUTH = /\b(invalid_grant|invalid_client|unauthorized_client|deleted_client|invalid_rapt)\b/;
/** All that the client reports for some interrupted uploads. */
const BROKEN_OFF = 'ERR_STREAM_DESTROYED';
/** The client's codes for bytes that were damaged in transit. The server reports this in the text of a 400. */
const DAMAGED: readonly unknown[] = ['CONTENT_DOWNLOAD_MISMATCH', 'FILE_NO_UPLOAD'];
const MISMATCH = /doesn't match calculated (MD5|CRC32C) hash/;

const MAX_VENDOR_TEXT = 300;

/**
 * The gate for errors of the Cloud Storage client: of its three HTTP layers, its streams and the login. Other errors
 * are returned unchanged. Messages never quote the client's text about a request: it may contain the address of an
 * upload session, which works like a key.
 * @param where the bucket or object, for the message
 */
export function storageError(error: unknown, purpose: Purpose, where: string): unknown {
  if (PermanentError.is(error) || TransientError.is(error)) return error;
  const options = { cause: error };
  if (isDiskFull(error)) {
    return new TransientError('disk_full', `Expected room on the disk for ${where}, got none left.`, options);
  }
  const { stage, nextStep, ...codes } = VERDICTS[purpose];
  const refusal = (kind: 'login' | 'forbidden' | 'missing', got: string) =>
    new PermanentError(
      codes[kind],
      stage,
      `Expected Cloud Storage to let the service use ${where}, got ${got}. Next step: ${nextStep[kind]}.`,
      options,
    );
  const network = (reason: string) =>
    new TransientError(
      codes.network,
      `Expected an answer about ${where} from Cloud Storage, got ${reason}.`,
      {
        ...options,
      },
    );

  const status = statusOf(error);
  const code = codeOf(error);
  // Checked first, because the library reports a login that reached no server like one that was refused.
  if (status === undefined && typeof code === 'string' && isConnectionCode(code)) return network(code);
  if (isLogin(error, status)) return refusal('login', 'no valid credentials');
  if (DAMAGED.includes(code) || (status === 400 && MISMATCH.test(textOf(error)))) {
    return network('bytes that were damaged in transit');
  }
  if (status === undefined) {
    return code === BROKEN_OFF ? network(code) : error;
  }
  if (BUSY.includes(status) || status >= 500 || (status === 403 && LIMITED.test(reasonOf(error)))) {
    const retryAfterMs = retryAfterOf(error);
    return new TransientError(codes.busy, `Expected Cloud Storage to serve ${where}, got ${status}.`, {
      ...options,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  }
  const said = purpose === 'sources' ? '' : vendorText(error);
  const got = said === '' ? `${status}` : `${status} (${said})`;
  if (status === 401) return refusal('login', got);
  if (status === 403) return refusal('forbidden', got);
  if (status === 404) return refusal('missing', got);
  return error;
}

/** A precondition failed: another writer has changed or removed the object. */
export function isConditionNotMet(error: unknown): boolean {
  return statusOf(error) === 412;
}

/** There is no such object, or no such bucket. */
export function isMissing(error: unknown): boolean {
  return statusOf(error) === 404;
}

/** Both are a 404; only the text tells them apart. */
export function isBucketMissing(error: unknown): boolean {
  return isMissing(error) && /bucket does not exist/i.test(textOf(error));
}

/** The server would refuse the same request again. */
export function isRefusal(error: unknown): boolean {
  const status = statusOf(error) ?? 0;
  return status >= 400 && status < 500 && status !== 408 && status !== 429;
}

interface VendorError {
  code?: unknown;
  status?: unknown;
  message?: unknown;
  errors?: unknown;
  response?: { status?: unknown; headers?: unknown; data?: unknown } | null;
}

/** The client throws its own Errors, those of gaxios and node-fetch, and the server's answer as a plain object. */
function vendorError(error: unknown): VendorError {
  return typeof error === 'object' && error !== null ? error : {};
}

function codeOf(error: unknown): unknown {
  return vendorError(error).code;
}

/** The HTTP status; undefined if there was no answer. */
function statusOf(error: unknown): number | undefined {
  const { code, status, response } = vendorError(error);
  return [status, response?.status, code]
    .map((value) => (typeof value === 'string' && /^\d{3}$/.test(value) ? Number(value) : value))
    .find((value): value is number => typeof value === 'number' && value >= 100 && value < 600);
}

function textOf(error: unknown): string {
  const { message } = vendorError(error);
  return typeof message === 'string' ? message : '';
}

/** https://cloud.google.com/storage/docs/json_api/v1/status-codes: `reason` of the first of `errors`. */
function reasonOf(error: unknown): string {
  const { errors, response } = vendorError(error);
  const listed = Array.isArray(errors) ? errors : undefined;
  const told = response?.data as { error?: { errors?: unknown[] } } | undefined;
  const [first] = (listed ?? told?.error?.errors ?? []) as { reason?: unknown }[];
  if (typeof first?.reason === 'string') return first.reason;
  // For a download, the client's message is the whole answer.
  return /"reason":\s*"(\w+)"/.exec(textOf(error))?.[1] ?? '';
}

function isLogin(error: unknown, status: number | undefined): boolean {
  const text = textOf(error);
  if (OAUTH.test(text) || OAUTH.test(oauthErrorOf(error))) return true;
  // A 5xx comes from the metadata server and is temporary.
  return CREDENTIALS.test(text) && (status === undefined || status < 500);
}

function oauthErrorOf(error: unknown): string {
  const told = vendorError(error).response?.data as { error?: unknown } | null | undefined;
  return typeof told?.error === 'string' ? told.error : '';
}

function retryAfterOf(error: unknown): number | undefined {
  const headers = vendorError(error).response?.headers;
  // gaxios uses the Headers of node-fetch, which are not Node's.
  const { get } = Object(headers) as Partial<Headers>;
  const value = typeof get === 'function' ? get.call(headers, 'retry-after') : Object(headers)['retry-after'];
  return parseRetryAfter(typeof value === 'string' ? value : undefined);
}

/** The server's text, which names the account and the permission it lacks; without addresses. */
function vendorText(error: unknown): string {
  const [line = ''] = textOf(error)
    .replace(/\bhttps?:\/\/\S+/g, '(address)')
    .trim()
    .split('\n');
  return line.startsWith('<') || line.startsWith('{')
    ? ''
    : line.slice(0, MAX_VENDOR_TEXT).replace(/\.$/, '');
}
