/** The error gate for Google Drive: translates its answers and exceptions into our errors. */
import { PermanentError, TransientError } from '../../base/errors.ts';
import type { DriveAuth } from '../../model/drive-auth.ts';
import { isConnectionError } from '../shared/network-errors.ts';
import { DriveLoginError, type DriveRefusal, refusalIn } from './refusal.ts';

type Mode = DriveAuth['mode'];
type Kind = 'busy' | 'limited' | 'network' | 'full' | 'login' | 'forbidden' | 'missing' | 'undownloadable';

export interface DriveTrouble {
  kind: Kind;
  /** For messages, after "got". */
  got: string;
  next: string;
  retryAfterMs: number | undefined;
}

/** Returns our error, or an unexpected error unchanged. */
export type DriveGate = (error: unknown, what: string, mode: Mode) => unknown;

const SHARE = 'share the folder with the account as Content manager (shared drive) or Editor (My Drive)';
const ENABLE = 'enable the Google Drive API in the Google Cloud project that the credentials belong to';
const SCOPE = 'create new credentials with the scope https://www.googleapis.com/auth/drive';
const FREE = 'free some storage, or use a folder on a shared drive';
const ITEMS = 'move or delete files there (trashed files count), or use another folder or shared drive';
const WAIT =
  'none, it is retried; if this continues, see the quotas of the Drive API in the Google Cloud console';

/** By Google's reason: https://developers.google.com/workspace/drive/api/guides/handle-errors */
const REASONS: Readonly<Record<string, readonly [Kind, string]>> = {
  rateLimitExceeded: ['limited', WAIT],
  userRateLimitExceeded: ['limited', WAIT],
  dailyLimitExceeded: ['busy', WAIT],
  sharingRateLimitExceeded: ['busy', WAIT],
  RATE_LIMIT_EXCEEDED: ['limited', WAIT],
  RESOURCE_EXHAUSTED: ['busy', WAIT],
  storageQuotaExceeded: ['full', FREE],
  teamDriveFileLimitExceeded: ['full', ITEMS],
  numChildrenInNonRootLimitExceeded: ['full', ITEMS],
  activeItemCreationLimitExceeded: ['full', ITEMS],
  accessNotConfigured: ['forbidden', ENABLE],
  SERVICE_DISABLED: ['forbidden', ENABLE],
  insufficientPermissions: ['forbidden', SCOPE],
  ACCESS_TOKEN_SCOPE_INSUFFICIENT: ['forbidden', SCOPE],
  insufficientFilePermissions: ['forbidden', SHARE],
  insufficientParentPermissions: ['forbidden', SHARE],
  cannotAddParent: ['forbidden', SHARE],
  teamDriveMembershipRequired: [
    'forbidden',
    'make the account a member of the shared drive, as Content manager',
  ],
  appNotAuthorizedToFile: ['forbidden', SCOPE],
  domainPolicy: ['forbidden', "have the domain's administrator allow Drive apps"],
  cannotDownloadFile: ['undownloadable', 'have its owner allow viewers to download it'],
  cannotDownloadAbusiveFile: ['undownloadable', 'send another file: Google considers this one harmful'],
  fileNotDownloadable: ['undownloadable', 'send the link of a video or audio file'],
  downloadQuotaExceeded: [
    'undownloadable',
    'copy the file on Drive and send the link of the copy, or wait a day',
  ],
};

/** By the error code of the token endpoint (RFC 6749, 5.2). */
const LOGINS: Readonly<Record<string, Readonly<Record<Mode, string>>>> = {
  invalid_grant: {
    adc: 'run `gcloud auth application-default login` again, or create a new key for the service account',
    oauth:
      'make a new refresh token; those of an app whose consent screen is in "Testing" expire after 7 days, so publish it first',
    delegation: 'check that the subject is a user of the domain, and the clock of this machine',
  },
  invalid_client: {
    adc: 'create new default credentials',
    oauth: 'check the client id and secret against the Google Cloud console',
    delegation: 'check that the service account and its key still exist',
  },
  unauthorized_client: {
    adc: 'create new default credentials with the Drive scope',
    oauth: 'make the refresh token with this client id',
    delegation:
      "have the domain's administrator allow the service account's client id the scope https://www.googleapis.com/auth/drive (Admin console, domain-wide delegation)",
  },
};
const LOGIN_ANEW: Readonly<Record<Mode, string>> = {
  adc: 'give the function a service account, or set GOOGLE_APPLICATION_CREDENTIALS to a credentials file',
  oauth: 'make a new refresh token with the configured client id and secret',
  delegation:
    'check the key file, or, without one, grant the service account Service Account Token Creator on itself',
};

/** Undefined for an unexpected error. */
export function driveTrouble(error: unknown, mode: Mode): DriveTrouble | undefined {
  if (error instanceof DriveLoginError) {
    const refusal = refusalIn(error.cause);
    const next = LOGINS[refusal?.reason ?? '']?.[mode] ?? LOGIN_ANEW[mode];
    return trouble('login', `${error.message} (DRIVE_AUTH=${mode})`, next);
  }
  const refusal = refusalIn(error);
  if (refusal !== undefined) return refused(refusal, mode);
  if (isConnectionError(error)) {
    const next = 'check that this machine reaches googleapis.com and trusts its certificate';
    return trouble('network', networkWord(error), next);
  }
  return undefined;
}

/** For outputs: the errors that a stage reports or hands back. */
export const outputError: DriveGate = (error, what, mode) => {
  if (PermanentError.is(error) || TransientError.is(error)) return error;
  const found = driveTrouble(error, mode);
  if (found === undefined) return error;
  const message = `Expected Google Drive to ${what}, got ${found.got}. Next step: ${found.next}.`;
  const options = { cause: causeOf(error) };
  const { kind, retryAfterMs } = found;
  switch (kind) {
    case 'busy':
    case 'limited':
      return new TransientError(`output_${kind}`, message, {
        ...options,
        ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      });
    case 'network':
      return new TransientError('network', message, options);
    case 'undownloadable':
      return error;
    default:
      return new PermanentError(`output_${kind}`, 'save', message, options);
  }
};

/** For sources that are read with the account. */
export const sourceError: DriveGate = (error, what, mode) => {
  if (PermanentError.is(error) || TransientError.is(error)) return error;
  const found = driveTrouble(error, mode);
  const code = found && SOURCE_CODES[found.kind];
  if (found === undefined || code === undefined) return error;
  const next = found.kind === 'missing' || found.next === SHARE ? SHARE_FILE : found.next;
  const message = `Expected Google Drive to ${what}, got ${found.got}. Next step: ${next}.`;
  const options = { cause: causeOf(error) };
  if (code !== 'network' && code !== 'source_busy') {
    return new PermanentError(code, 'download', message, options);
  }
  const { retryAfterMs } = found;
  return new TransientError(code, message, {
    ...options,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
};

const SHARE_FILE =
  'share it with anyone who has the link, or with the account of DRIVE_AUTH, and check the link';
const SOURCE_CODES = {
  busy: 'source_busy',
  limited: 'source_busy',
  network: 'network',
  login: 'source_forbidden',
  forbidden: 'source_forbidden',
  missing: 'source_not_found',
  undownloadable: 'source_refused',
  full: undefined,
} as const satisfies Record<Kind, string | undefined>;

/** An error of Google's clients contains the request, including secrets that must not be logged. */
function causeOf(error: unknown): unknown {
  return refusalIn(error) ?? error;
}

function refused({ status, reason, retryAfterMs }: DriveRefusal, mode: Mode): DriveTrouble | undefined {
  const got = `${status} ${reason}`.trim();
  if (status === 401) return trouble('login', `${got} (DRIVE_AUTH=${mode})`, LOGIN_ANEW[mode]);
  if (status === 429) return trouble('limited', got, WAIT, retryAfterMs);
  if (status === 408 || status >= 500) return trouble('busy', got, WAIT, retryAfterMs);
  if (status === 403) {
    const [kind, next] = REASONS[reason] ?? (['forbidden', SHARE] as const);
    return trouble(kind, got, next, retryAfterMs);
  }
  if (status === 404 || status === 410) {
    return trouble('missing', got, 'check DRIVE_FOLDER_ID, and that the account may see the folder');
  }
  return undefined;
}

function trouble(kind: Kind, got: string, next: string, retryAfterMs?: number): DriveTrouble {
  return { kind, got, next, retryAfterMs };
}

function networkWord(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && code !== 'TimeoutError' ? code : 'no answer in time';
}
