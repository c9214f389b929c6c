/** Sends signed events. https://www.standardwebhooks.com */
import type { Agent } from 'undici';
import { PermanentError } from '../../base/errors.ts';
import { inSpan, markFailed, type Span, SpanKind } from '../../base/telemetry/spans.ts';
import { timeLimit, unlessAborted } from '../../base/time-limit.ts';
import { maskCallback } from '../../model/web-url.ts';
import type { FailedDelivery, WebhookAnswer } from '../../model/webhook.ts';
import type { WebhookSender } from '../../ports/webhooks.ts';
import { type ConnectorBuilder, type GuardOptions, guardedConnector } from '../shared/address-guard.ts';
import { connectionHint, isConnectionCode, parseRetryAfter } from '../shared/network-errors.ts';

export interface WebhookSenderOptions extends GuardOptions {
  /** `whsec_` and the key in base64. Asked for at each delivery. Rejects with SecretError if there is none. */
  secret: () => Promise<string>;
  /** Milliseconds from the look-up of the name to the last header of the answer. */
  answerMs?: number;
  /** Opens the sockets; undici's own by default. */
  buildConnector?: ConnectorBuilder;
}

const ANSWER_MS = 15_000;
const GONE = 410;
const TOO_MANY = 429;
const BUSY = [TOO_MANY, 503];
const HTTPS_PORT = 443;
const HTTP_PORT = 80;

/** Connects to checked addresses only, as downloads do. Each delivery has a connection of its own. */
export function createWebhookSender(options: WebhookSenderOptions): WebhookSender & AsyncDisposable {
  const { secret, answerMs = ANSWER_MS } = options;
  let agent: Promise<Agent> | undefined;

  /** Loads undici at the first event: most tasks have no callback_url. */
  async function createAgent(): Promise<Agent> {
    const { Agent, buildConnector } = await import('undici');
    const connect = guardedConnector(options.buildConnector ?? buildConnector, {
      ...options,
      timeout: answerMs,
    });
    // Times are limited by the signal.
    return new Agent({ connect, pipelining: 0, headersTimeout: 0, bodyTimeout: 0 });
  }

  async function post(
    url: URL,
    { id, body }: { id: string; body: string },
    span: Span,
    signal: AbortSignal,
  ): Promise<WebhookAnswer> {
    const { Webhook } = await import('standardwebhooks');
    const at = new Date();
    const signature = new Webhook(await secret()).sign(id, at, body);
    agent ??= createAgent();
    const dispatcher = await agent;
    const { request } = await import('undici');
    // Follows no redirect.
    const answer = await request(url, {
      dispatcher,
      signal,
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/json',
        'user-agent': 'every-cut',
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
        'webhook-signature': signature,
      },
    });
    const { statusCode, headers } = answer;
    // Nobody reads the body, and it may never end: it is dropped with its connection.
    answer.body.on('error', () => {}).destroy();
    span.setAttribute('http.response.status_code', statusCode);
    if (statusCode >= 200 && statusCode < 300) return { delivered: true };
    markFailed(span, String(statusCode));
    const asked = [headers['retry-after']].flat()[0];
    return {
      delivered: false,
      error: `Expected status 2xx from ${maskCallback(url)}, got ${gotOf(statusCode)}`,
      isAnswer: true,
      isGone: statusCode === GONE,
      retryAfterMs: BUSY.includes(statusCode) ? parseRetryAfter(asked, Date.now(), Infinity) : undefined,
      ...((statusCode >= 500 || statusCode === TOO_MANY) && { fault: 'server' }),
    };
  }

  return {
    async send({ url: address, ...event }, signal) {
      signal.throwIfAborted();
      const url = new URL(address);
      return await inSpan('POST', { kind: SpanKind.CLIENT, attributes: attributesOf(url) }, async (span) => {
        using limit = timeLimit(answerMs, () => new LateError(), signal);
        try {
          return await unlessAborted(limit.signal, post(url, event, span, limit.signal));
        } catch (error) {
          signal.throwIfAborted();
          const failure = failureOf(error, maskCallback(url), limit.signal, answerMs);
          markFailed(span, failure.fault ?? 'refused');
          return { delivered: false, ...failure };
        }
      });
    },
    async [Symbol.asyncDispose]() {
      await (await agent)?.destroy();
    },
  };
}

/** Without the path and the query, which are secrets of the receiver. */
function attributesOf({ protocol, hostname, port }: URL) {
  return {
    'http.request.method': 'POST',
    'url.scheme': protocol.slice(0, -1),
    'server.address': hostname,
    'server.port': Number(port || (protocol === 'https:' ? HTTPS_PORT : HTTP_PORT)),
  };
}

class LateError extends Error {}

/** There is no secret that can be used. The message says what to do, and is for the log only: it may name a file. */
export class SecretError extends Error {}

const CANNOT_SIGN =
  'Expected the service to sign the event, got a fault of its own. Next step: none; it is sent once that is repaired.';

function gotOf(status: number): string {
  if (status === GONE) return '410: it wants no more events.';
  if (status >= 300 && status < 400) {
    return `${status}, and redirects are not followed. Next step: post tasks with the address that it leads to.`;
  }
  return `${status}. Next step: look into the log of its server.`;
}

/** Neither the address that a name leads to nor the path of the URL is shown. */
function failureOf(
  error: unknown,
  where: string,
  { aborted, reason }: AbortSignal,
  answerMs: number,
): Omit<FailedDelivery, 'delivered'> {
  if (aborted && reason instanceof LateError) {
    const got = `got no answer within ${answerMs / 1000} s. Next step: answer first, then work.`;
    return { error: `Expected status 2xx from ${where}, ${got}`, fault: 'network' };
  }
  if (error instanceof SecretError) return { error: CANNOT_SIGN, fault: 'service', forLog: error.message };
  if (PermanentError.is(error)) return { error: error.message };
  const { code: ownCode, name, syscall } = error as NodeJS.ErrnoException;
  // The system refuses names that are too long, with a code that says nothing.
  const code = syscall === 'getaddrinfo' && ownCode === 'EINVAL' ? 'ENOTFOUND' : (ownCode ?? name);
  if (isConnectionCode(code)) {
    const got = `got ${code}. Next step: ${connectionHint(code)}.`;
    return { error: `Expected status 2xx from ${where}, ${got}`, fault: 'network' };
  }
  throw error;
}
