import type { Readable } from 'node:stream';
import type { drive_v3 } from 'googleapis/build/src/apis/drive/index.js';
import type { Dispatcher } from 'undici';
import type { DriveAuth } from '../../model/drive-auth.ts';
import { unlessAborted } from '../shared/unless-aborted.ts';
import { type DriveClient, type DriveEndpoints, type DriveLogin, logIn } from './client.ts';
import { type DriveGate, outputError } from './errors.ts';
import { wasAnswered } from './refusal.ts';
import { FIRST_PAUSE_MS, retryDrive } from './retry.ts';

/** Milliseconds. */
export interface DriveLimits {
  /** Name look-up, TCP and TLS of an upload or a download. */
  connectMs: number;
  /** Of an upload or a download, between two signs of life. */
  idleMs: number;
  /** One call, from the request to the whole answer. */
  callMs: number;
  /** How long one call is begun again; after that the stage's own retry takes over. */
  retryMs: number;
  /** After the first failure; it doubles with each one that follows. */
  firstPauseMs: number;
}

export interface DriveAccountOptions {
  auth: DriveAuth;
  /** `http://127.0.0.1:1234` of a test server, or a private endpoint; undefined: Google's own. */
  apiUrl: string | undefined;
  limits?: Partial<DriveLimits>;
}

/** What every call of the client needs as its second argument: rootUrl on the client itself would not cover all. */
export interface CallParameters {
  rootUrl: string;
  retry: false;
  timeout: number;
  signal?: AbortSignal;
}

export interface CallOptions {
  signal?: AbortSignal | undefined;
  /** By performance.now(), instead of retryMs: also what is under way then ends. */
  deadline?: number;
  /** outputError by default. */
  gate?: DriveGate;
}

export interface DriveRequest {
  url: URL;
  method: 'GET' | 'POST' | 'PATCH' | 'PUT';
  headers?: Record<string, string>;
  /** A stream is opened when it is wanted: an error of one that waits would end the process. */
  body?: string | (() => Readable);
  signal: AbortSignal;
}

/** One account on Google Drive, for outputs and sources alike. */
export interface DriveAccount extends AsyncDisposable {
  readonly mode: DriveAuth['mode'];
  /** `https://www.googleapis.com` */
  readonly root: string;
  readonly limits: DriveLimits;
  /**
   * Runs a call of Google's client, again and again while Drive is busy, and gives its answer.
   * @param what for messages, after "Expected Google Drive to"
   * @throws what the gate makes of it
   */
  call<T>(
    what: string,
    ask: (drive: DriveClient, parameters: CallParameters) => Promise<{ data: T }>,
    options?: CallOptions,
  ): Promise<T>;
  /**
   * One request of our own, with the account's token, for what the client cannot do. Answers whatever the status; after
   * a 401 the next request has another token. Throws undici's errors and what logging in may throw.
   */
  send(request: DriveRequest): Promise<Dispatcher.ResponseData>;
}

export type DriveItem = drive_v3.Schema$File;

const LIMITS: DriveLimits = {
  connectMs: 10_000,
  idleMs: 60_000,
  callMs: 30_000,
  retryMs: 20_000,
  firstPauseMs: FIRST_PAUSE_MS,
};

/** Nothing is loaded or asked before the first call. */
export function connectDrive({ auth, apiUrl, limits: given }: DriveAccountOptions): DriveAccount {
  const limits = { ...LIMITS, ...given };
  const endpoints = endpointsOf(apiUrl);
  let session: Promise<{ login: DriveLogin; drive: DriveClient }> | undefined;
  let sender: ReturnType<typeof connect> | undefined;

  async function open() {
    const entry = await import('googleapis/build/src/apis/drive/index.js');
    const login = await logIn(entry, auth, { endpoints, tokenMs: limits.callMs });
    // The library gives out more kinds of clients than the type here names, and takes them all.
    return { login, drive: new entry.drive_v3.Drive({ auth: login.client as never }) };
  }

  /** Credentials may be mended while the process runs. */
  function opened() {
    session ??= open().catch((error: unknown) => {
      session = undefined;
      throw error;
    });
    return session;
  }

  async function connect() {
    const { Agent, request } = await import('undici');
    const agent = new Agent({
      connect: { timeout: limits.connectMs },
      headersTimeout: limits.idleMs,
      bodyTimeout: limits.idleMs,
      allowH2: false,
    });
    return { agent, request };
  }

  async function callOnce<T>(
    ask: (drive: DriveClient, parameters: CallParameters) => Promise<{ data: T }>,
    timeout: number,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const time = AbortSignal.timeout(timeout);
    const stop = signal === undefined ? time : AbortSignal.any([time, signal]);
    const { login, drive } = await unlessAborted(stop, opened());
    // Asked for here, so that what goes wrong with it is not taken for an answer of Drive's.
    const headers = await unlessAborted(stop, login.headers());
    const parameters = { rootUrl: endpoints.root, retry: false, timeout, ...(signal && { signal }) } as const;
    try {
      return (await ask(drive, parameters)).data;
    } catch (error) {
      if (!wasAnswered(error, 401)) throw error;
      login.discard(headers);
      await unlessAborted(stop, login.headers());
      return (await ask(drive, parameters)).data;
    }
  }

  return {
    mode: auth.mode,
    root: endpoints.root,
    limits,

    call(what, ask, { signal, deadline: given, gate = outputError } = {}) {
      const deadline = given ?? performance.now() + limits.retryMs;
      let heard: unknown;
      const attempt = async () => {
        const timeout = given === undefined ? limits.callMs : timeLeft(limits.callMs, deadline);
        try {
          return await callOnce(ask, timeout, signal);
        } catch (error) {
          signal?.throwIfAborted();
          // Cut short by the deadline, it says less than the answer before it.
          if (heard !== undefined && performance.now() >= deadline) throw heard;
          heard = gate(error, what, auth.mode);
          throw heard;
        }
      };
      return retryDrive(attempt, { firstPauseMs: limits.firstPauseMs, deadline, signal });
    },

    async send({ url, method, headers = {}, body, signal }) {
      signal.throwIfAborted();
      const stop = AbortSignal.any([signal, AbortSignal.timeout(limits.callMs)]);
      const { login } = await unlessAborted(stop, opened());
      const token = await unlessAborted(stop, login.headers());
      sender ??= connect();
      const { agent, request } = await sender;
      const answer = await request(url, {
        dispatcher: agent,
        method,
        headers: { 'accept-encoding': 'identity', ...headers, ...Object.fromEntries(token) },
        body: typeof body === 'function' ? body() : (body ?? null),
        signal,
      });
      // A body nobody reads to its end must not take the process down with it.
      answer.body.on('error', () => {});
      if (answer.statusCode === 401) login.discard(token);
      return answer;
    },

    async [Symbol.asyncDispose]() {
      await (await sender)?.agent.destroy();
    },
  };
}

/** Timers take whole milliseconds, and at least one. */
function timeLeft(mostMs: number, deadline: number): number {
  return Math.ceil(Math.max(1, Math.min(mostMs, deadline - performance.now())));
}

function endpointsOf(apiUrl: string | undefined): DriveEndpoints {
  if (apiUrl === undefined) {
    return {
      root: 'https://www.googleapis.com',
      token: 'https://oauth2.googleapis.com/token',
      iam: 'https://iamcredentials.googleapis.com',
    };
  }
  const root = apiUrl.replace(/\/+$/, '');
  return { root, token: `${root}/token`, iam: root };
}
