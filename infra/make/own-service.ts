/** A service in this process, which stops with it. */
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { HostLockedError } from '../../functions/adapters/process/host-lock.ts';
import { createLog, type Log } from '../../functions/base/log.ts';
import type { Config, Environment } from '../../functions/config/config.ts';
import { notedAddress } from '../../functions/hosts/address-note.ts';
import { startHost } from '../../functions/hosts/local.ts';

/**
 * The service of `npm start` on a free port until `running` ends; what it has not finished, the next one continues. It logs to a
 * file: lines on the terminal would break the bar. Resolves with its address.
 * @param say shows a remark
 * @param onBroken it cannot go on, and why
 */
export async function startOwnService(
  config: Config,
  env: Environment,
  options: {
    folder: string;
    running: AsyncDisposableStack;
    say: (text: string) => void;
    onBroken: (why: Error) => void;
    signal: AbortSignal;
  },
): Promise<string> {
  const { folder, running, say, onBroken, signal } = options;
  // Whoever removed it between two runs wants it again. One that the settings name may be a disk that is not mounted.
  if (config.vendors.output.kind === 'local' && !env['OUTPUT_DIR'])
    await mkdir(config.outputDir, { recursive: true });
  const file = join(folder, 'make.log');
  const stream = createWriteStream(file, { flags: 'a', mode: 0o600 });
  stream.on('error', () => say(`${file} cannot be written: this run has no log.`));
  running.defer(() => new Promise<void>((resolve) => stream.end(resolve)));
  const log = createLog({ level: config.logLevel, pretty: false, write: (line) => stream.write(line) });
  const starting = startHost({ ...config, port: 0 }, saying(log, say)).catch((error: unknown) => {
    throw HostLockedError.is(error) ? locked(config, error) : error;
  });
  const host = await Promise.race([starting, rejected(signal)]);
  running.defer(() => host.stop());
  void host.broken.then(onBroken);
  say(`Service at ${host.url}, log in ${file}`);
  return host.url;
}

/** Rejects with the reason of the signal. */
function rejected(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** Waiting for another service is what the person at the terminal must know. */
function saying(log: Log, say: (text: string) => void): Log {
  return {
    ...log,
    notice(message, fields) {
      if (fields.event === 'host.waiting') say(message);
      log.notice(message, fields);
    },
  };
}

function locked(config: Config, cause: HostLockedError): Error {
  const { dataDir } = config;
  const [process = ''] = /process \d+ [^.]*/.exec(cause.message) ?? [];
  const address = notedAddress(config);
  const who = address === undefined ? process : `${process}, at ${address}`;
  return new Error(
    `Expected nobody else to use ${dataDir}, got another run or service that does${who && ` (${who})`}. ` +
      'Next step: wait until that run has ended, then start this one again. If it is a service (npm start), give its ' +
      'address with --url. To run both side by side, set another DATA_DIR for this one.',
    { cause },
  );
}
