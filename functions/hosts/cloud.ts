/** Defines the cloud functions as request handlers, which index.ts registers with the framework. */
import { type Push, readPush } from '../adapters/pubsub/push.ts';
import { createTokenReader } from '../adapters/pubsub/push-token.ts';
import { isWaiting } from '../adapters/shared/queue-backoff.ts';
import { CLOSE_CONNECTION } from '../base/close-connection.ts';
import { RequestError, TransientError } from '../base/errors.ts';
import { apartFromRequests } from '../base/request-id.ts';
import { timeLimit } from '../base/time-limit.ts';
import { traced } from '../base/trace.ts';
import { createNackLog } from '../coordination/log-nack.ts';
import { corsHeaders, withHeaders } from '../http/cors.ts';
import { parseJson, problem } from '../http/json-body.ts';
import { createPushAccess } from '../http/push-auth.ts';
import type { MessageOf, Topic } from '../model/messages.ts';
import type { Delivery } from '../ports/queue.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { CloudOptions, composeCloud } from './cloud-adapters.ts';
import { inChunks } from './cloud-answer.ts';
import { type Arrival, createMessageTraces } from './message-traces.ts';
import { outOfTime, PATIENCE, persistently, WEBHOOK_PATIENCE } from './persistence.ts';
import { openTelemetry } from './telemetry.ts';

export const FUNCTION_NAMES = [
  'processMedia',
  'prepare',
  'render',
  'complete',
  'webhook',
  'deadLetter',
  'sweep',
] as const;
export type FunctionName = (typeof FUNCTION_NAMES)[number];
export type CloudFunction = (request: Request) => Promise<Response>;
export interface CloudFunctions extends Record<FunctionName, CloudFunction>, AsyncDisposable {}

type Deps = Awaited<ReturnType<typeof composeCloud>>['deps'];
type StageRun<T extends Topic> = (message: MessageOf<T>, delivery: Delivery, deps: Deps) => Promise<void>;

const ACKNOWLEDGED = 204;
const HANDED_BACK = 503;

/** Stages and adapters load on the first call, to keep cold starts short. */
export function createCloudFunctions(options: CloudOptions): CloudFunctions {
  const { config, log, instrumentation } = options;
  const checkPusher = createPushAccess({
    rule: config.push,
    tokens: createTokenReader({ apiUrl: config.vendors.googleApiUrl }),
    log,
  });
  const logNack = createNackLog(log);
  const traces = createMessageTraces('gcp_pubsub', async () => (await depsOf()).tasks);
  const stopping = new AbortController();
  const atWork = new Set<Promise<Response>>();
  let telemetry: Promise<Telemetry> | undefined;
  let composed: ReturnType<typeof composeCloud> | undefined;

  const depsOf = async (): Promise<Deps> => {
    // It serves all further requests, too.
    composed ??= apartFromRequests(() =>
      import('./cloud-adapters.ts').then(({ composeCloud }) => composeCloud(options)),
    );
    try {
      return (await composed).deps;
    } catch (error) {
      composed = undefined;
      throw error;
    }
  };

  /** Checks the caller before any stage loads, and answers errors of the start as problems. */
  const guarded = async (name: FunctionName, request: Request): Promise<Response> => {
    try {
      return await traced(request.headers.get('traceparent'), async () => {
        if (name !== 'processMedia') {
          // Only the API answers GET requests.
          checkPost(request);
          await checkPusher(name, request.headers);
        }
        return functions[name](request);
      });
    } catch (error) {
      if (RequestError.is(error)) return problem(error);
      log.error(`The function ${name} failed`, { event: 'request.failed', error });
      const detail = 'Expected the function to be ready, got an error. The log has the cause.';
      const answer = problem(new RequestError('unavailable', detail, { headers: { 'retry-after': '30' } }));
      return name === 'processMedia' ? withHeaders(answer, corsHeaders(request, config.corsOrigins)) : answer;
    }
  };

  const observed = async (name: FunctionName, request: Request): Promise<Response> => {
    telemetry ??= openTelemetry(config, log, { isScraped: false });
    const { flush } = await telemetry;
    try {
      return await guarded(name, request);
    } finally {
      await flush();
    }
  };

  const entry =
    (name: FunctionName): CloudFunction =>
    (request) => {
      const answer = observed(name, request).finally(() => atWork.delete(answer));
      atWork.add(answer);
      return answer;
    };

  const push =
    <T extends Topic>(topic: T, load: () => Promise<StageRun<T>>, patience = PATIENCE): CloudFunction =>
    async (request) => {
      const pushed = readPush(await bodyOf(request), topic);
      if ('malformed' in pushed) {
        // Acknowledged, because it would otherwise be delivered again for ever. The log has the details.
        log.error(`Malformed push to ${topic}: expected a message in JSON, got ${pushed.malformed}`, {
          event: 'message.malformed',
          topic,
          message_id: pushed.messageId,
        });
        // The body may not have been read to its end.
        return new Response(null, { status: ACKNOWLEDGED, headers: CLOSE_CONNECTION });
      }
      const { message, messageId, deliveries } = pushed;
      return traces.handle(message, arrivalOf(pushed), async (failed) => {
        using limit = timeLimit(patience.deliveryMs, () => outOfTime(patience), stopping.signal);
        const { signal } = limit;
        try {
          const [stage, deps] = await Promise.all([load(), depsOf()]);
          const { problems } = deps;
          const run = () => problems.during(message, () => stage(message, { signal, messageId }, deps));
          await persistently(
            () => instrumentation.run(topic, run, message),
            signal,
            (error, pauseMs) => problems.handedBack(message, error, pauseMs),
            // While it waited, a render would keep an instance that others need, and a letter the only one.
            topic === 'render' || topic === 'dead-letter',
            patience.persistMs,
          );
          return new Response(null, { status: ACKNOWLEDGED });
        } catch (error) {
          failed(error);
          // It stays due, and the sweep publishes it again: receivers that hang must not slow down the events of others.
          if (topic === 'webhook' && isWaiting(error)) return new Response(null, { status: ACKNOWLEDGED });
          const tasks = (await composed?.catch(() => undefined))?.deps.tasks;
          await logNack(message, deliveries, error, tasks);
          return new Response(null, { status: HANDED_BACK });
        }
      });
    };

  const functions: Record<FunctionName, CloudFunction> = {
    processMedia: async (request) => {
      const { createApi } = await import('../http/router.ts');
      return inChunks(await createApi(await depsOf())(request));
    },
    prepare: push('prepare', async () => (await import('../stages/prepare.ts')).prepare),
    render: push('render', async () => (await import('../stages/render.ts')).render),
    complete: push('complete', async () => (await import('../stages/complete.ts')).complete),
    webhook: push(
      'webhook',
      async () => {
        const { webhook } = await import('../stages/webhook.ts');
        // The sweep publishes the next try.
        return async (...delivery) => void (await webhook(...delivery));
      },
      WEBHOOK_PATIENCE,
    ),
    deadLetter: push('dead-letter', async () => (await import('../stages/dead-letter.ts')).deadLetter),
    sweep: async () => {
      const { sweep } = await import('../stages/sweep.ts');
      const { pruneUploads } = await import('./prune.ts');
      const deps = await depsOf();
      await instrumentation.run('sweep', async () => {
        await sweep({ ...deps, ...options.times });
        await deps.retention.prolong();
      });
      // On the emulators. A bucket has a lifecycle of its own.
      await pruneUploads(deps);
      return new Response(null, { status: ACKNOWLEDGED });
    },
  };
  return {
    ...(Object.fromEntries(FUNCTION_NAMES.map((name) => [name, entry(name)])) as Record<
      FunctionName,
      CloudFunction
    >),
    async [Symbol.asyncDispose]() {
      stopping.abort(new TransientError('waiting', 'The function is stopping.'));
      await Promise.all(atWork);
      await (await composed)?.[Symbol.asyncDispose]();
      await (await telemetry)?.[Symbol.asyncDispose]();
    },
  };
}

function arrivalOf<T extends Topic>({ publishedAt, traceparent, deliveries }: Push<T>): Arrival {
  // The clocks of Pub/Sub and of this machine are close enough.
  const age = publishedAt === undefined ? undefined : Math.max(0, Date.now() - publishedAt);
  return { traceparent, deliveries, age };
}

function checkPost({ method }: Request): void {
  if (method === 'POST') return;
  throw new RequestError('method_not_allowed', `Expected POST, got ${method}.`, {
    headers: { allow: 'POST' },
  });
}

/** Undefined if the body is not JSON or too large, which no message of ours is. Throws on a timeout, to get it again. */
async function bodyOf(request: Request): Promise<unknown> {
  try {
    return await parseJson(request);
  } catch (error) {
    if (RequestError.is(error) && error.code !== 'request_timeout') return undefined;
    throw error;
  }
}
