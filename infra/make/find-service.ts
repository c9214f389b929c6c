/** A service that runs: with the DATA_DIR or at the port of the settings on this machine, or at an address that is named. */
import { VERSION } from '../../functions/base/version.ts';
import type { Config, Environment } from '../../functions/config/config.ts';
import { notedAddress } from '../../functions/hosts/address-note.ts';

/** Time for a service of this machine to say that it is one. */
const LOOK_MS = 5_000;
/** Time for a service to answer at all: one in the cloud may have to start. */
const ANSWER_MS = 30_000;
const TITLE = 'Every Cut';
const ANY_ADDRESS = ['0.0.0.0', '::', '[::]', ''];

export interface FoundService {
  url: string;
  /** For people. */
  remark: string;
}

/** A service that runs on this machine with the DATA_DIR of the settings, or at their port; undefined if none does. */
export async function runningService(
  config: Pick<Config, 'port' | 'dataDir'>,
  env: Environment,
  signal: AbortSignal,
): Promise<FoundService | undefined> {
  const urls = [notedAddress(config), config.port === 0 ? undefined : urlAtPort(config.port, env)];
  for (const url of new Set(urls)) {
    const version = url === undefined ? undefined : await versionAt(url, signal);
    if (url === undefined || version === undefined) continue;
    const other = version === VERSION ? '' : `: version ${version}, while this program is ${VERSION}`;
    return { url, remark: `Service at ${url}, which is running${other}` };
  }
  return undefined;
}

function urlAtPort(port: number, env: Environment): string {
  const host = env['HOST'] ?? '';
  const name = ANY_ADDRESS.includes(host)
    ? '127.0.0.1'
    : host.includes(':') && !host.startsWith('[')
      ? `[${host}]`
      : host;
  return `http://${name}:${port}`;
}

/** Of the service there; undefined if there is none. Asks for what needs no key: another program at this port must not get it. */
async function versionAt(url: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    const get = async (path: string) => {
      const answer = await fetch(`${url}${path}`, {
        redirect: 'manual',
        signal: AbortSignal.any([signal, AbortSignal.timeout(LOOK_MS)]),
      });
      return (answer.ok ? await answer.json() : {}) as {
        status?: unknown;
        version?: unknown;
        info?: { title?: unknown };
      };
    };
    const { status, version } = await get('/healthz');
    const isOne = status === 'ok' && (await get('/openapi.json')).info?.title === TITLE;
    return isOne ? String(version) : undefined;
  } catch {
    signal.throwIfAborted();
    return undefined;
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
