/** npm start: the single-machine host as a process, from its settings to its orderly end. */
import { watchLauncher } from './adapters/process/launcher.ts';
import { createLog } from './base/log.ts';
import { type Config, loadConfig, readEnvironment } from './config/config.ts';
import { type Host, startHost } from './hosts/local.ts';

/** A stop takes the grace of a child, mostly; the next host waits for the lock a little longer than this. */
const STOP_LIMIT_MS = 10_000;
/** One Ctrl-C may come twice: from the terminal, and from an npm that passes it on. */
const ECHO_MS = 1_000;

async function main(): Promise<void> {
  try {
    const config = loadConfig(readEnvironment());
    // Whoever reads the log may end first (`npm start | tee log`, a closed terminal): no reason to fall over.
    for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
    const log = createLog({
      level: config.logLevel,
      pretty: process.stdout.isTTY === true,
      write: (line) => process.stdout.write(line),
    });
    let host: Host | undefined;
    heedRequestsToStop(config, (why, fields) => {
      log.info(`Stopping ${why}; unfinished work goes on at the next start`, {
        event: 'host.stopping',
        ...fields,
      });
      // Nothing has begun that could be ended in order.
      if (host === undefined) process.exit();
      host.stop().catch((error: unknown) => {
        log.error('The host could not stop in order', { event: 'host.stopping', error });
        process.exitCode = 1;
      });
    });
    host = await startHost(config, log);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 1;
  }
}

/**
 * Calls `stop` at the first request. A later one, or a stop that takes too long, ends the process at once, and with it
 * its children.
 */
function heedRequestsToStop(config: Config, stop: (why: string, fields: object) => void): void {
  let askedAt: number | undefined;
  const begin = (why: string, fields: object) => {
    askedAt = performance.now();
    setTimeout(() => process.exit(1), STOP_LIMIT_MS).unref();
    stop(why, fields);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (askedAt === undefined) begin(`on ${signal}`, { signal });
      else if (performance.now() - askedAt > ECHO_MS) process.exit(1);
    });
  }
  if (!config.launchedByNpm) return;
  watchLauncher({
    onGone: () => {
      if (askedAt === undefined)
        begin('because the npm that started it is gone', { signal: null, launcher: 'gone' });
    },
  });
}

if (import.meta.main) await main();
