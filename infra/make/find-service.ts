/** A service that runs: at the port of the settings on this machine, or at an address that is named. */
import type { Config, Environment } from '../../functions/config/config.ts';

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
  signal: AbortSignal,
): Promise<string | undefined> {
  if (config.port === 0) return undefined;
  const host = env['HOST'] ?? '';
  const name = ANY_ADDRESS.includes(host)
    ? '127.0.0.1'
    : host.includes(':') && !host.startsWith('[')
      ? `[${host}]`
      : host;
  const url = `http://${name}:${config.port}`;
  return (await isEveryCut(url, signal)) ? url : undefined;
}

/** Asks for what needs no key: another program at this port must not get it. */
async function isEveryCut(url: string, signal: AbortSignal): Promise<boolean> {
  try {
    const get = async (path: string) => {
      const answer = await fetch(`${url}${path}`, {
        redirect: 'manual',
        signal: AbortSignal.any([signal, AbortSignal.timeout(LOOK_MS)]),
      });
      return (answer.ok ? await answer.json() : {}) as { status?: unknown; info?: { title?: unknown } };
    };
    return (await get('/healthz')).status === 'ok' && (await get('/openapi.json')).info?.title === TITLE;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}

/** Throws if nothing answers there at all. Later, a service that does not answer is waited for. */
export async function checkAnswering(url: string, signal: AbortSignal): Promise<void> {
  try {
    const within = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
    const answer = await fetch(`${url}/healthz`, { redirect: 'manual', signal: within });
    await answer.body?.cancel();
  } catch (cause) {
    signal.throwIfAborted();
    throw new Error(
      `Expected a running service at ${url}, got no answer. Next step: start it, or check --url. Without --url, one is started ` +
        'for the time of the run.',
      { cause },
    );
  }
}
