/** Entry point of `npm start`: runs the single-machine host and stops it in order. */
import { watchLauncher } from './adapters/process/launcher.ts';
import { createLog, type Log } from './base/log.ts';
import { requestFields } from './base/request-id.ts';
import { traceFields } from './base/trace.ts';
import { type Config, loadConfig, readEnvironment } from './config/config.ts';
import { noteAddress } from './hosts/address-note.ts';
import { NO_INSTRUMENTATION } from './hosts/instrumentation.ts';
import { type Host, startHost } from './hosts/local.ts';
import { invitation } from './hosts/page-address.ts';
import { openTelemetry } from './hosts/telemetry.ts';

/** Most of a stop is waiting for children to end. The next host waits a little longer than this for the lock. */
const STOP_LIMIT_MS = 10_000;
/** One Ctrl-C may arrive twice: from the terminal, and forwarded by npm. */
const ECHO_MS = 1_000;

async function main(): Promise<void> {
  try {
    const config = loadConfig(readEnvironment());
    // The reader of the log may end first (`npm start | tee log`, a closed terminal). That must not crash the host.
    for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
    const isTerminal = process.stdout.isTTY === true;
    const log = createLog({
      level: config.logLevel,
      pretty: isTerminal,
      context: () => ({ ...requestFields(), ...traceFields(config.project) }),
      write: (line) => process.stdout.write(line),
    });
    let host: Host | undefined;
    onStopRequest(config, (why, fields) => {
      log.info(`Stopping ${why}; unfinished work continues at the next start`, {
        event: 'host.stopping',
        ...fields,
      });
      // Nothing is running yet.
      if (host === undefined) process.exit();
      const stopped = host.stop().catch((error: unknown) => {
        log.error('The host did not stop cleanly', { event: 'host.stopping', error });
        process.exitCode = 1;
      });
      // Otherwise, requests to a receiver that hangs would hold up the end.
      if (config.telemetry.endpoint !== undefined)
        void stopped.then(() => process.stdout.write('', () => process.exit()));
    });
    const telemetry = await openTelemetry(config, log, { isScraped: true });
    host = await startHost(config, log, NO_INSTRUMENTATION, telemetry);
    // At the very end, however it comes: a host that still stops holds the folder.
    const address = noteAddress(config, host.page);
    process.once('exit', () => address[Symbol.dispose]());
    if (isTerminal) process.stdout.write(invitation(host.page));
    endWhenBroken(host, log);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 1;
  }
}

/** Most likely DATA_DIR is gone or damaged. What to do is in the line; another start would say it again. */
function endWhenBroken(host: Host, log: Log): void {
  void host.broken.then(async ({ message }) => {
    log.error(message, { event: 'host.broken' });
    process.exitCode = 1;
    setTimeout(() => process.exit(1), STOP_LIMIT_MS).unref();
    await host.stop().catch((error: unknown) => {
      log.error('The host did not stop cleanly', { event: 'host.stopping', error });
    });
  });
}

/** Calls `stop` on the first request. A second request, or a stop that takes too long, kills the process and its children. */
function onStopRequest(config: Config, stop: (why: string, fields: object) => void): void {
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
