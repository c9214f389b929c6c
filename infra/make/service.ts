/** The service that makes the videos: one that is named, one that runs on this machine, or one in this process. */
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { HostLockedError } from '../../functions/adapters/process/host-lock.ts';
import { createLog, type Log } from '../../functions/base/log.ts';
import type { Config, Environment } from '../../functions/config/config.ts';
import { startHost } from '../../functions/hosts/local.ts';

export interface Service {
  url: string;
  /** It runs in this process, and stops with it. */
  isOwn: boolean;
}

/** Time for a service of this machine to say that it is one. */
const LOOK_MS = 5_000;
/** Time for a service to answer at all: one in the cloud may have to start. */
const ANSWER_MS = 30_000;
const TITLE = 'Every Cut';
const ANY_ADDRESS = ['0.0.0.0', '::', '[::]', ''];

/** The address of a service that runs on this machine at the port of the settings; undefined if none does. */
export async function runningService(
  config: Pick<Config, 'port'>,
  env: Environment,
): Promise<string | undefined> {
  if (config.port === 0) return undefined;
  const host = env['HOST'] ?? '';
  const name = ANY_ADDRESS.includes(host)
    ? '127.0.0.1'
    : host.includes(':') && !host.startsWith('[')
      ? `[${host}]`
      : host;
  const url = `http://${name}:${config.port}`;
  return (await isEveryCut(url)) ? url : undefined;
}

/** Asks for what needs no key: another program at this port must not get it. */
async function isEveryCut(url: string): Promise<boolean> {
  try {
    const get = async (path: string) => {
      const answer = await fetch(`${url}${path}`, {
        redirect: 'manual',
        signal: AbortSignal.timeout(LOOK_MS),
      });
      return (answer.ok ? await answer.json() : {}) as { status?: unknown; info?: { title?: unknown } };
    };
    return (await get('/healthz')).status === 'ok' && (await get('/openapi.json')).info?.title === TITLE;
  } catch {
    return false;
  }
}

/** Throws if nothing answers there at all. Later, a service that does not answer is waited for. */
export async function checkAnswering(url: string, signal: AbortSignal): Promise<void> {
  try {
    const within = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
    await fetch(`${url}/healthz`, { redirect: 'manual', signal: within });
  } catch (cause) {
    signal.throwIfAborted();
    throw new Error(
      `Expected a running service at ${url}, got no answer. Next step: start it, or check --url. Without --url, one is started ` +
        'for the time of the run.',
      { cause },
    );
  }
}

/** The folder of our own files in DATA_DIR, made if missing. */
export async function makeOwnFolder({ dataDir }: Pick<Config, 'dataDir'>): Promise<string> {
  const folder = join(dataDir, 'make');
  await mkdir(dirname(dataDir), { recursive: true });
  // Private, as the service makes it.
  for (const dir of [dataDir, folder]) {
    await mkdir(dir, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
  return folder;
}

/**
 * The service of `npm start` on a free port until `running` ends; what it has not finished, the next one continues. It logs to a
 * file: lines on the terminal would break the bar.
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
): Promise<Service> {
  const { folder, running, say, onBroken, signal } = options;
  // Whoever removed it between two runs wants it again. One that the settings name may be a disk that is not mounted.
  if (config.vendors.output.kind === 'local' && !env['OUTPUT_DIR'])
    await mkdir(config.outputDir, { recursive: true });
  const file = join(folder, 'make.log');
  const stream = createWriteStream(file, { flags: 'a', mode: 0o600 });
  running.defer(() => new Promise<void>((resolve) => stream.end(resolve)));
  const log = createLog({ level: config.logLevel, pretty: false, write: (line) => stream.write(line) });
  const starting = startHost({ ...config, port: 0 }, saying(log, say)).catch((error: unknown) => {
    throw HostLockedError.is(error) ? locked(config, error) : error;
  });
  const host = await Promise.race([starting, rejected(signal)]);
  running.defer(() => host.stop());
  void host.broken.then(onBroken);
  say(`Service at ${host.url}, log in ${file}`);
  return { url: host.url, isOwn: true };
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

function locked({ dataDir }: Config, cause: HostLockedError): Error {
  const [who = ''] = /process \d+ [^.]*/.exec(cause.message) ?? [];
  return new Error(
    `Expected nobody else to use ${dataDir}, got another run or service that does${who && ` (${who})`}. ` +
      'Next step: wait until that run has ended, then start this one again. If it is a service (npm start), give its ' +
      'address with --url. To run both side by side, set another DATA_DIR for this one.',
    { cause },
  );
}
