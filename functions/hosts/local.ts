/** The single-machine host: runs the same handlers as the cloud, on SQLite and disk, in one process. */
import type { RequestListener } from 'node:http';
import { toNodeHandler } from 'srvx/node';
import type { Consumer } from '../adapters/sqlite/topic-consumer.ts';
import type { Log } from '../base/log.ts';
import { VERSION } from '../base/version.ts';
import type { Config } from '../config/config.ts';
import { outputPlace } from '../config/vendor-settings.ts';
import { createNackLog } from '../coordination/log-nack.ts';
import { ALL_PLACES } from '../coordination/receiver-places.ts';
import { createApi } from '../http/router.ts';
import type { MessageOf, Topic } from '../model/messages.ts';
import type { Delivery } from '../ports/queue.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { complete } from '../stages/complete.ts';
import { deadLetter } from '../stages/dead-letter.ts';
import { prepare } from '../stages/prepare.ts';
import { render } from '../stages/render.ts';
import { type SweepDeps, sweep } from '../stages/sweep.ts';
import { withAddress } from './address-note.ts';
import { observeHost } from './gauges.ts';
import { type Instrumentation, NO_INSTRUMENTATION } from './instrumentation.ts';
import { composeLocal } from './local-adapters.ts';
import { closed, createLocalServer, listen } from './local-server.ts';
import { webhookUntilSettled } from './local-webhooks.ts';
import { createMessageTraces } from './message-traces.ts';
import { pageAddress } from './page-address.ts';
import { NO_TELEMETRY } from './telemetry.ts';

/**
 * Sources in flight. Most of them wait: downloading, probing and encoding have limits of their own. One task gets a fifth of
 * these places at most, so that another one begins at once.
 */
const PREPARES = 160;
/** Renders in flight. Mixing and saving have limits of their own. Shared in the same way. */
const RENDERS = 160;
const COMPLETIONS = 2;
const PROXY_CONNECTIONS = 900;
const SWEEP_EVERY_MS = 60_000;

export interface Host {
  /** http://host:port, without a trailing slash. */
  url: string;
  /** The same as a browser opens it, where the page for people is. */
  page: string;
  /** Takes no more work, ends running work (the next start continues it) and closes all files. */
  stop(): Promise<void>;
  /** Resolves with what happened and what to do, if the service cannot go on and must be stopped. */
  broken: Promise<Error>;
}

/**
 * Resolves once the host listens. Rejects if ffmpeg is missing, the port is taken or a folder is not writable.
 * @param telemetry ends with the host, after all its work
 */
export async function startHost(
  config: Config,
  log: Log,
  instrumentation: Instrumentation = NO_INSTRUMENTATION,
  telemetry: Telemetry = NO_TELEMETRY,
): Promise<Host> {
  await using starting = new AsyncDisposableStack();
  starting.use(telemetry);
  const { deps, figures, queue, ffmpeg, resumed, broken } = starting.use(
    await composeLocal(config, log, instrumentation).catch((error: unknown) => {
      throw withAddress(config, error);
    }),
  );

  starting.use(observeHost(figures, deps.tasks));

  const sweepOnce = (more: Pick<SweepDeps, 'publishingMs'> = {}) =>
    instrumentation
      .run('sweep', () => sweep({ ...deps, everyMs: SWEEP_EVERY_MS, ...more }))
      .catch((error: unknown) => log.error('The sweep failed', { event: 'sweep.failed', error }));
  // Repairs what the previous host left unfinished. No limit on publishing, as no request can be publishing a task yet.
  await sweepOnce({ publishingMs: 0 });

  // srvx types its handler for HTTP/2 as well; this server speaks HTTP/1.1.
  const server = createLocalServer(
    toNodeHandler(createApi({ ...deps, metricsText: telemetry.metricsText })) as RequestListener,
    // All callers of a proxy have its address.
    config.trustedProxies > 0 ? { connectionsPerClient: PROXY_CONNECTIONS } : {},
    log,
  );
  const url = await listen(server, config);
  starting.defer(() => closed(server));

  const logNack = createNackLog(log);
  const traces = createMessageTraces('every_cut', async () => deps.tasks);
  const consume = <T extends Topic>(
    topic: T,
    concurrency: number,
    stage: (message: MessageOf<T>, delivery: Delivery, own: typeof deps) => Promise<void>,
  ): Consumer =>
    queue.consume(topic, {
      concurrency,
      handler: (message, delivery) =>
        traces.handle(message, delivery, async () => {
          try {
            const run = () => stage(message, delivery, deps);
            await instrumentation.run(topic, () => deps.problems.during(message, run), message);
          } catch (error) {
            if (!delivery.signal.aborted) await logNack(message, delivery.deliveries, error, deps.tasks);
            throw error;
          }
        }),
      onHandedBack: (message, error, pauseMs) => void deps.problems.handedBack(message, error, pauseMs),
    });
  const consumers = [
    consume('prepare', PREPARES, prepare),
    consume('render', RENDERS, render),
    consume('complete', COMPLETIONS, complete),
    consume('webhook', ALL_PLACES, webhookUntilSettled),
    consume('dead-letter', 1, deadLetter),
  ];
  starting.defer(async () => {
    await Promise.all(consumers.map((consumer) => consumer.stop()));
  });
  starting.use(fromTimeToTime(sweepOnce));

  const page = pageAddress(url);
  const output = outputPlace(config.vendors, config.outputDir);
  const about = { version: VERSION, node: process.versions.node, ffmpeg: ffmpeg.version };
  log.notice(
    `Listening on ${url}; videos go to ${output}. Every Cut ${about.version} on Node ${about.node} with ` +
      `${shortVersion(about.ffmpeg)}; ${resumption(resumed)}`,
    {
      event: 'host.started',
      url,
      page,
      output,
      data_dir: config.dataDir,
      ...about,
      ffmpeg_origin: ffmpeg.origin,
      cage: ffmpeg.cage,
      render_concurrency: config.renderConcurrency,
      tasks_resumed: resumed.tasks,
      videos_to_make: resumed.videos,
    },
  );
  const running = starting.move();
  return { url, page, stop: () => running.disposeAsync(), broken };
}

/** `ffmpeg version 7.0.2-static https://…` as `ffmpeg 7.0.2-static`. */
function shortVersion(line: string): string {
  return line.replace(/^ffmpeg version (\S+).*$/s, 'ffmpeg $1');
}

function resumption({
  tasks,
  videos,
  unsealed,
  otherKey,
}: Awaited<ReturnType<typeof composeLocal>>['resumed']): string {
  const of = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`;
  const again =
    tasks === 0
      ? 'no task is taken up again'
      : `${of(tasks, 'task')} taken up again, with ${of(videos, 'video')} to make`;
  return [
    again,
    ...(otherKey > 0 ? [`${of(otherKey, 'task')} not, for want of the key that sealed them`] : []),
    ...(unsealed > 0 ? [`${of(unsealed, 'task')} not, as an old build stored them without a seal`] : []),
  ].join('; ');
}

function fromTimeToTime(work: () => Promise<void>): AsyncDisposable {
  let running: Promise<void> | undefined;
  const timer = setInterval(() => {
    running ??= work().finally(() => {
      running = undefined;
    });
  }, SWEEP_EVERY_MS).unref();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await running;
    },
  };
}
