/** Sends requests to the service, and its API key to nobody else. */
import { refusalOf, ServiceError } from './service-error.ts';

/** What a signed URL, or a proxy in front of the service, may need. */
const MOST_REDIRECTS = 5;

export interface TransportOptions {
  url: string;
  apiKey?: string | undefined;
  headers?: Readonly<Record<string, string>> | undefined;
  fetch?: typeof fetch | undefined;
  signal?: AbortSignal | undefined;
}

export interface Ask {
  method?: 'GET' | 'POST' | 'DELETE';
  /** Sent as JSON. */
  body?: unknown;
  headers?: Readonly<Record<string, string>>;
  signal?: AbortSignal | undefined;
}

export interface Transport {
  /** The answer, of any status. Throws ServiceError if there is none. */
  send(path: string, ask?: Ask): Promise<Response>;
  /** The same with its body. */
  text(path: string, ask?: Ask): Promise<{ response: Response; text: string }>;
  /** The JSON of an answer of success. Throws ServiceError for any other. */
  json<T>(path: string, ask?: Ask): Promise<T>;
  /** An answer of success whose body is a file; redirects are followed. */
  file(path: string, ask?: Ask): Promise<Response>;
  /** A request to an address that the service gave, which may be another host. */
  sendTo(address: string, init: RequestInit): Promise<Response>;
}

export function createTransport(options: TransportOptions): Transport {
  const { apiKey, fetch: ask = fetch } = options;
  const base = options.url.replace(/\/+$/, '');
  const { origin } = new URL(base);
  const own = { ...options.headers, ...(apiKey ? { 'x-api-key': apiKey } : {}) };

  const signalOf = (signal: AbortSignal | null | undefined) =>
    AbortSignal.any([options.signal, signal].filter((one) => one instanceof AbortSignal));

  /** What fetch and the reading of a body throw says little. */
  const told = async <T>(place: string, init: RequestInit, work: (signal: AbortSignal) => Promise<T>) => {
    const signal = signalOf(init.signal);
    try {
      return await work(signal);
    } catch (cause) {
      signal.throwIfAborted();
      const expected = `Expected a running service at ${place}, got none.`;
      throw new ServiceError(`${expected} Next step: start it, or check the URL.`, { status: null, cause });
    }
  };

  const sendTo: Transport['sendTo'] = (address, init) => {
    const to = new URL(address).origin;
    const headers = {
      ...(to === origin ? own : {}),
      ...(init.headers as Record<string, string> | undefined),
    };
    return told(to, init, (signal) =>
      // A redirect that fetch follows would take the key along.
      ask(address, { redirect: 'manual', ...init, headers, signal }),
    );
  };

  const send: Transport['send'] = (path, { method = 'GET', body, headers = {}, signal = null } = {}) =>
    sendTo(`${base}${path}`, {
      method,
      signal,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

  const text: Transport['text'] = async (path, what = {}) => {
    const response = await send(path, what);
    const read = () => response.text();
    return { response, text: await told(origin, { signal: what.signal ?? null }, read) };
  };

  return {
    send,
    sendTo,
    text,

    async json<T>(path: string, what?: Ask): Promise<T> {
      const answer = await text(path, what);
      const value = answer.response.ok ? parsed(answer.text) : undefined;
      if (value === undefined) throw refusalOf(answer.response, answer.text, `${base}${path}`);
      return value as T;
    },

    async file(path, { headers = {}, signal = null } = {}) {
      let address = `${base}${path}`;
      let response = await sendTo(address, { headers, signal });
      for (let hops = 0; isRedirect(response) && hops < MOST_REDIRECTS; hops++) {
        await response.body?.cancel();
        address = new URL(response.headers.get('location') ?? '', address).href;
        response = await sendTo(address, { headers, signal });
      }
      if (response.ok) return response;
      throw refusalOf(response, await response.text(), address);
    },
  };
}

function isRedirect({ status, headers }: Response): boolean {
  return status >= 300 && status < 400 && headers.has('location');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
