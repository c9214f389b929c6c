import type { Bucket, StorageOptions as ClientOptions, Storage } from '@google-cloud/storage';
import { inTime } from '../../base/time-limit.ts';
import { timedOut } from '../shared/network-errors.ts';
import { FIRST_PAUSE_MS, type Resumption } from '../shared/resume-upload.ts';
import { type Purpose, storageError } from './errors.ts';

export interface StorageLimits {
  /** Milliseconds for a call without a file: metadata, a removal. */
  callMs: number;
  /** Milliseconds between two pieces of a file, and from the last one to the answer. */
  idleMs: number;
  /** How an interrupted upload is resumed. */
  resumption: Resumption;
}

export interface StorageOptions {
  /** If undefined, the project that the platform reports. */
  projectId: string | undefined;
  /** Another server of the JSON API, without a path; it is sent no credentials. Undefined: Google's. */
  apiUrl: string | undefined;
  /** Another server of IAM for signed URLs: what comes before `<account>:signBlob`. Undefined: Google's. */
  signingUrl?: string;
  limits?: Partial<StorageLimits>;
}

export interface CallOptions {
  /** When it fires, the call rejects at once with its reason. */
  signal?: AbortSignal | undefined;
}

/** Where an object is, and what it is read or written for. */
export interface Place {
  purpose: Purpose;
  bucket: string;
  name: string;
  /** In messages, instead of the address. */
  shownAs?: string | undefined;
}

export interface StorageConnection {
  readonly limits: StorageLimits;
  readonly signingUrl: string | undefined;
  /**
   * Runs calls of the client once, behind the error gate. The first call loads the client. Steps repeat calls that may
   * have succeeded, so every write carries a precondition.
   * @throws PermanentError or TransientError by the purpose (errors.ts); unexpected errors unchanged
   */
  run<T>(place: Place, work: (bucket: Bucket) => Promise<T>, options?: CallOptions): Promise<T>;
}

/** A call takes tens of milliseconds. */
const LIMITS: StorageLimits = {
  callMs: 20_000,
  idleMs: 30_000,
  resumption: { firstPauseMs: FIRST_PAUSE_MS, maxFailures: 3 },
};

/** Loads nothing and sends nothing before the first call. Nothing stays open between calls. */
export function connectStorage(options: StorageOptions): StorageConnection {
  const { projectId, apiUrl, signingUrl, limits: given } = options;
  const limits = { ...LIMITS, ...given };
  let client: Promise<Storage> | undefined;
  const connect = async (): Promise<Storage> => {
    // Takes 0.1 s, so it is loaded only if it is used.
    const sdk = await import('@google-cloud/storage');
    return new sdk.Storage({
      ...(projectId === undefined ? {} : { projectId }),
      ...(apiUrl === undefined ? {} : { apiEndpoint: apiUrl }),
      // The client's retries are off. They switch one another off through a shared flag, reduce the cause to a text,
      // cannot repeat an upload of one request, and never settle once their total time is over (retry-request 9.1: no
      // call-back when getNextRetryDelay is 0).
      retryOptions: { autoRetry: false, retryableErrorFn: () => false },
      // With the client's pool of connections, one failed download would end all others: it destroys the agent that
      // they share (createReadStream of storage 8.4). Node's default agent keeps connections alive as well.
      interceptors_: [everyRequestWith({ forever: false })],
    });
  };

  return {
    limits,
    signingUrl,
    async run({ purpose, bucket, name, shownAs = `gs://${bucket}/${name}` }, work, { signal } = {}) {
      signal?.throwIfAborted();
      try {
        client ??= connect().catch((error: unknown) => {
          client = undefined;
          throw error;
        });
        const connected = await client;
        // The token is requested first; the client keeps it until it expires. If an upload fails for lack of one, the
        // client only reports that it was interrupted.
        if (apiUrl === undefined) {
          const token = connected.authClient.getAccessToken();
          await inTime(token, limits.callMs, () => noData(limits.callMs), signal);
        }
        return await work(connected.bucket(bucket));
      } catch (error) {
        signal?.throwIfAborted();
        throw storageError(error, purpose, shownAs);
      }
    },
  };
}

type Interceptor = NonNullable<ClientOptions['interceptors_']>[number];

/** The client's only way to pass on options to its HTTP libraries. */
export function everyRequestWith(options: object): Interceptor {
  return { request: (request) => ({ ...request, ...options }) as ReturnType<Interceptor['request']> };
}

/**
 * The error of our own time limit, which is needed because the client passes its limit to a library that ignores it
 * (node-fetch 3). A request without a file cannot be aborted; its connection stays open until the server closes it.
 */
export function noData(ms: number): Error {
  return timedOut(`no data for ${ms} ms`);
}
