import { setTimeout as sleep } from 'node:timers/promises';
import type { Bucket, StorageOptions as ClientOptions, Storage } from '@google-cloud/storage';
import pRetry from 'p-retry';
import { TransientError } from '../../base/errors.ts';
import { type Purpose, storageError } from './errors.ts';

/** How long Cloud Storage may take, and how often it is asked. */
export interface StorageLimits {
  /** Milliseconds for a call without a file: metadata, a removal. */
  callMs: number;
  /** Milliseconds between two pieces of a file, and until the answer after the last one. */
  idleMs: number;
  /** Tries of one call, the first one included. */
  tries: number;
  /** Milliseconds before the second try; doubled before each further one. */
  pauseMs: number;
}

export interface StorageOptions {
  /** Undefined: as the platform says. */
  projectId: string | undefined;
  /** Another server that speaks the JSON API, without a path; it is sent no credentials. Undefined: Google's. */
  apiUrl: string | undefined;
  limits?: Partial<StorageLimits>;
}

export interface CallOptions {
  /** Rejects with its reason, at once. */
  signal?: AbortSignal;
  /** Fewer tries than the connection's, where the caller has its own. */
  tries?: number;
}

/** An object by its place, and what it is read or written for. */
export interface Place {
  purpose: Purpose;
  bucket: string;
  name: string;
}

export interface StorageConnection {
  readonly limits: StorageLimits;
  /**
   * Runs calls of the client behind the gate, loading it at the first one; what may pass by itself is tried again. So
   * `work` must bear being run twice: every write carries a precondition.
   * @throws PermanentError, TransientError by the purpose (storage-errors.ts); others pass as they are
   */
  run<T>(place: Place, work: (bucket: Bucket) => Promise<T>, options?: CallOptions): Promise<T>;
}

/** A call takes tens of milliseconds; the stages try again for half a minute after these tries. */
const LIMITS: StorageLimits = { callMs: 20_000, idleMs: 30_000, tries: 3, pauseMs: 500 };
/** Who is asked to wait longer leaves the waiting to whoever called. */
const LONGEST_PAUSE_MS = 5_000;

/** Nothing is loaded or asked before the first call, and nothing stays open between calls. */
export function connectStorage({ projectId, apiUrl, limits: given }: StorageOptions): StorageConnection {
  const limits = { ...LIMITS, ...given };
  let client: Promise<Storage> | undefined;
  const connect = async (): Promise<Storage> => {
    // Takes 0.1 s: what never asks the store does not load it.
    const sdk = await import('@google-cloud/storage');
    return new sdk.Storage({
      ...(projectId === undefined ? {} : { projectId }),
      ...(apiUrl === undefined ? {} : { apiEndpoint: apiUrl }),
      // The client's own retries are off. They switch one another off through a shared flag, bury the cause in a
      // text, cannot go on with an upload of one request, and never come back when their total time is over
      // (retry-request 9.1: no call-back once getNextRetryDelay is 0).
      retryOptions: { autoRetry: false, retryableErrorFn: () => false },
      // With its pool of connections, one failed download would end all others that are under way: the client
      // destroys the agent, which they share (createReadStream of storage 8.4). Node's own agent keeps alive, too.
      interceptors_: [everyRequestWith({ forever: false })],
    });
  };

  return {
    limits,
    async run({ purpose, bucket, name }, work, { signal, tries = limits.tries } = {}) {
      signal?.throwIfAborted();
      const attempt = async () => {
        try {
          client ??= connect().catch((error: unknown) => {
            client = undefined;
            throw error;
          });
          const connected = await client;
          // Kept until it expires. First, and by itself: of an upload the client would tell only that it broke off.
          if (apiUrl === undefined)
            await inTime(connected.authClient.getAccessToken(), limits.callMs, signal);
          return await work(connected.bucket(bucket));
        } catch (error) {
          signal?.throwIfAborted();
          throw storageError(error, purpose, `gs://${bucket}/${name}`);
        }
      };
      return pRetry(attempt, {
        retries: tries - 1,
        minTimeout: limits.pauseMs,
        randomize: true,
        ...(signal && { signal }),
        shouldRetry: ({ error }) => isPassing(error),
        async onFailedAttempt({ error, retriesLeft }) {
          const asked = TransientError.is(error) ? error.retryAfterMs : undefined;
          if (asked === undefined || retriesLeft === 0 || !isPassing(error)) return;
          await sleep(asked, undefined, { ...(signal && { signal }) }).catch(() => signal?.throwIfAborted());
        },
      });
    },
  };
}

type Interceptor = NonNullable<ClientOptions['interceptors_']>[number];

/** The client's one way to give its HTTP libraries options that it does not know. */
export function everyRequestWith(options: object): Interceptor {
  return { request: (request) => ({ ...request, ...options }) as ReturnType<Interceptor['request']> };
}

/** May be gone in a moment: not a full disk, and not a server that wants to be left alone for a while. */
function isPassing(error: unknown): boolean {
  if (!TransientError.is(error) || error.code === 'disk_full') return false;
  return (error.retryAfterMs ?? 0) <= LONGEST_PAUSE_MS;
}

/**
 * The answer, or an error where it is late: the client passes its own time limit to a library that has none
 * (node-fetch 3). The request itself cannot be ended; it has no file, and its connection ends with the other side.
 */
export async function inTime<T>(answer: Promise<T>, limitMs: number, signal?: AbortSignal): Promise<T> {
  using limit = limitOf(limitMs, signal);
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  const stop = () => reject(limit.signal.reason);
  limit.signal.addEventListener('abort', stop, { once: true });
  if (limit.signal.aborted) stop();
  // Nobody asks for it any more once it is late.
  answer.catch(() => {});
  return await Promise.race([answer, stopped]);
}

/** Fires with the outer signal, and when nothing moved for so long; then with an error that says so. */
export interface Limit extends Disposable {
  readonly signal: AbortSignal;
  /** Begins the time anew. */
  moved(): void;
}

export function limitOf(limitMs: number, outer?: AbortSignal): Limit {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(timedOut(limitMs)), limitMs);
  return {
    signal: outer ? AbortSignal.any([outer, late.signal]) : late.signal,
    moved: () => void timer.refresh(),
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}

/** Carries a code, so that it goes through the same gate as what sockets report. */
function timedOut(limitMs: number): Error {
  return Object.assign(new Error(`nothing came for ${limitMs} ms`), { code: 'ETIMEDOUT' });
}
