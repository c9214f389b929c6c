import type { Readable } from 'node:stream';
import type { drive_v3 } from 'googleapis/build/src/apis/drive/index.js';
import type { Dispatcher } from 'undici';
import { unlessAborted } from '../../base/time-limit.ts';
import type { DriveAuth } from '../../model/drive-auth.ts';
import { type DriveClient, type DriveEndpoints, type DriveLogin, logIn } from './client.ts';
import { type DriveGate, outputError } from './errors.ts';
import { wasAnswered } from './refusal.ts';

/** Milliseconds. */
export interface DriveLimits {
  /** For DNS, TCP and TLS of an upload or a download. */
  connectMs: number;
  /** For an upload or a download that makes no progress. */
  idleMs: number;
  /** For one call, from the request to the end of the answer. */
  callMs: number;
}

export interface DriveAccountOptions {
  auth: DriveAuth;
  /** `http://127.0.0.1:1234` of a test server, or a private endpoint; undefined: Google's. */
  apiUrl: string | undefined;
  limits?: Partial<DriveLimits>;
}

/** The second argument of every call of the client: a rootUrl on the client itself would not apply to all of them. */
export interface CallParameters {
  rootUrl: string;
  retry: false;
  timeout: number;
  signal?: AbortSignal;
}

export interface CallOptions {
  signal?: AbortSignal | undefined;
  /** outputError by default. */
  gate?: DriveGate;
}

export interface DriveRequest {
  url: URL;
  method: 'GET' | 'POST' | 'PATCH' | 'PUT';
  headers?: Record<string, string>;
  /** Streams are opened only when they are read, because an error of a stream that waits would end the process. */
  body?: string | (() => Readable);
  signal: AbortSignal;
}

/** One account on Google Drive, for outputs and sources. */
export interface DriveAccount extends AsyncDisposable {
  readonly mode: DriveAuth['mode'];
  /** `https://www.googleapis.com` */
  readonly root: string;
  readonly limits: DriveLimits;
  /**
   * Runs a call of Google's client once and resolves to its answer. The call is repeated only if its token is refused,
   * with a new token.
   * @param what for messages, after "Expected Google Drive to"
   * @throws the error that the gate returns
   */
  call<T>(
    what: string,
    ask: (drive: DriveClient, parameters: CallParameters) => Promise<{ data: T }>,
    options?: CallOptions,
  ): Promise<T>;
  /**
   * Sends a request with the account's token, for what the client cannot do. Resolves with any status. If the token is
   * refused, the request is repeated with a new one, unless its body is a stream: the caller must first ask how much of
   * it arrived. Throws undici's errors and the errors of logging in.
   */
  send(request: DriveRequest): Promise<Dispatcher.ResponseData>;
}

export type DriveItem = drive_v3.Schema$File;

const LIMITS: DriveLimits = {
  connectMs: 10_000,
  idleMs: 60_000,
  callMs: 30_000,
};

/** Loads nothing and sends nothing before the first call. */
export function connectDrive({ auth, apiUrl, limits: given }: DriveAccountOptions): DriveAccount {
  const limits = { ...LIMITS, ...given };
  const endpoints = endpointsOf(apiUrl);
  let session: Promise<{ login: DriveLogin; drive: DriveClient }> | undefined;
  let sender: ReturnType<typeof connect> | undefined;

  async function open() {
    const entry = await import('googleapis/build/src/apis/drive/index.js');
    const login = await logIn(entry, auth, { endpoints, tokenMs: limits.callMs });
    // The library accepts every client it makes, although the type names only some of them.
    return { login, drive: new entry.drive_v3.Drive({ auth: login.client as never }) };
  }

  /** A failure is not kept: credentials may be fixed while the process runs. */
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

  async function ungated<T>(
    ask: (drive: DriveClient, parameters: CallParameters) => Promise<{ data: T }>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const { callMs: timeout } = limits;
    const time = AbortSignal.timeout(timeout);
    const stop = signal === undefined ? time : AbortSignal.any([time, signal]);
    const { login, drive } = await unlessAborted(stop, opened());
    // The token is requested first, so that a login error is not mistaken for an answer of Drive.
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

  async function sendOnce({ url, method, headers = {}, body, signal }: DriveRequest) {
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
    // An error of a body that is not read would end the process.
    answer.body.on('error', () => {});
    if (answer.statusCode === 401) login.discard(token);
    return answer;
  }

  return {
    mode: auth.mode,
    root: endpoints.root,
    limits,

    async call(what, ask, { signal, gate = outputError } = {}) {
      signal?.throwIfAborted();
      try {
        return await ungated(ask, signal);
      } catch (error) {
        signal?.throwIfAborted();
        throw gate(error, what, auth.mode);
      }
    },

    async send(request) {
      const answer = await sendOnce(request);
      if (answer.statusCode !== 401 || typeof request.body === 'function') return answer;
      await answer.body.dump();
      return await sendOnce(request);
    },

    async [Symbol.asyncDispose]() {
      await (await sender)?.agent.destroy();
    },
  };
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
