/** Sends requests to the service, and its API key to nobody else. */
import { type Answer, refusalOf, ServiceError } from './service-error.ts';

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

/** All throw ServiceError where the service does not answer. */
export interface Transport {
  /** The answer, of any status. */
  text(path: string, ask?: Ask): Promise<Answer>;
  /** The JSON of an answer of success, which has this field. Throws ServiceError for any other. */
  json<T extends object>(path: string, field: keyof T & string, ask?: Ask): Promise<T>;
  /**
   * An answer of success whose body is a file; redirects are followed. Throws ServiceError for any other.
   * @param type how its Content-Type begins
   * @param nextStep where it is of another type
   */
  file(path: string, type: string, nextStep: string, ask?: Ask): Promise<Response>;
  /** A request to an address that the service gave, which may be another host. */
  sendTo(address: string, init: RequestInit): Promise<Answer>;
}

export function createTransport(options: TransportOptions): Transport {
  const { apiKey, fetch: ask = fetch } = options;
  const base = options.url.replace(/\/+$/, '');
  const { origin } = new URL(base);
  const own = { ...options.headers, ...(apiKey ? { 'x-api-key': apiKey } : {}) };

  const signalOf = (signal: AbortSignal | null | undefined) =>
    AbortSignal.any([options.signal, signal].filter((one) => one instanceof AbortSignal));

  /** What fetch and the reading of a body throw says little. */
  const told = async <T>(expected: string, signal: AbortSignal, work: () => Promise<T>) => {
    try {
      return await work();
    } catch (cause) {
      signal.throwIfAborted();
      throw new ServiceError(expected, { status: null, cause });
    }
  };

  const open = async (address: string, init: RequestInit): Promise<Response> => {
    const to = URL.parse(address)?.origin ?? address;
    const headers = {
      ...(to === origin ? own : {}),
      ...(init.headers as Record<string, string> | undefined),
    };
    const signal = signalOf(init.signal);
    const expected = `Expected a running service at ${to}, got none. Next step: start it, or check the URL.`;
    // A redirect that fetch follows would take the key along.
    const work = () => ask(address, { redirect: 'manual', ...init, headers, signal });
    const response = await told(expected, signal, work);
    if (response.type === 'opaqueredirect') throw hiddenRedirect(address, response);
    return response;
  };

  const read = async (response: Response, address: string, init: RequestInit): Promise<Answer> => {
    const place = withoutQuery(address);
    const expected = `Expected the whole answer from ${place}, got a part. Next step: try again.`;
    const text = await told(expected, signalOf(init.signal), () => response.text());
    return { response, text, address: place };
  };

  const sendTo: Transport['sendTo'] = async (address, init) => read(await open(address, init), address, init);

  const text: Transport['text'] = (path, { method = 'GET', body, headers = {}, signal = null } = {}) =>
    sendTo(`${base}${path}`, {
      method,
      signal,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

  return {
    sendTo,
    text,
    json: async (path, field, what) => jsonOf(await text(path, what), field),

    async file(path, type, nextStep, { headers = {}, signal = null } = {}) {
      let address = `${base}${path}`;
      const init = { headers, signal };
      let response = await open(address, init);
      for (let hops = 0; isRedirect(response) && hops < MOST_REDIRECTS; hops++) {
        await leave(response);
        const location = response.headers.get('location') ?? '';
        address = URL.parse(location, address)?.href ?? location;
        response = await open(address, init);
      }
      if (!response.ok) throw refusalOf(await read(response, address, init));
      const got = response.headers.get('content-type') ?? 'no Content-Type';
      if (got.startsWith(type)) return response;
      await leave(response);
      const expected = `Expected a Content-Type of ${type}… from ${withoutQuery(address)}, got ${got}.`;
      throw new ServiceError(`${expected} Next step: ${nextStep}`, { status: response.status });
    },
  };
}

/**
 * The JSON of an answer of success, which has this field. Throws ServiceError for any other.
 * @param also other statuses whose answer is such a one
 */
export function jsonOf<T extends object>(
  answer: Answer,
  field: keyof T & string,
  also: readonly number[] = [],
): T {
  const { ok, status } = answer.response;
  const value = ok || also.includes(status) ? parsed(answer.text) : undefined;
  if (typeof value === 'object' && value !== null && Object.hasOwn(value, field)) return value as T;
  throw refusalOf(answer);
}

/** Browsers tell a page nothing about a redirect that it does not let them follow. */
function hiddenRedirect(address: string, { status }: Response): ServiceError {
  const expected = `Expected an answer from ${withoutQuery(address)}, got a redirect, which browsers hide.`;
  const nextStep = 'call this method in Node; for a video, open the url that render() has.';
  return new ServiceError(`${expected} Next step: ${nextStep}`, { status });
}

/** A body that has broken off by now is of no use either. */
async function leave({ body }: Response): Promise<void> {
  await body?.cancel().catch(() => {});
}

function isRedirect({ status, headers }: Response): boolean {
  return status >= 300 && status < 400 && headers.has('location');
}

function withoutQuery(address: string): string {
  return address.replace(/[?#].*$/s, '');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
