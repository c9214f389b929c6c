/** Looks whether the service can take work: cheap enough to be asked every second, and never hanging. */
import type { Log } from '../base/log.ts';
import { keptFor, oneAtATime } from '../base/looks.ts';
import type { ReadyView } from '../model/answers/health.ts';

export interface HealthCheck {
  /** As it appears in the answer. */
  name: string;
  /**
   * Undefined if it works; otherwise what was expected and what was found. Strangers read it: no paths, no addresses. If it
   * rejects, only the log says why.
   */
  failing(): Promise<string | undefined>;
}

export interface ReadinessOptions {
  checks: readonly HealthCheck[];
  log: Log;
  /** A monotonic clock in milliseconds. */
  now?: () => number;
}

type CheckView = ReadyView['checks'][string];

/** How old an answer may be. */
const KEPT_MS = 1_000;
const LIMIT_MS = 2_000;

/** Runs all checks, or returns what they found within the last second. Never rejects. */
export function createReadiness({ checks, log, now }: ReadinessOptions): () => Promise<ReadyView> {
  const watched = checks.map((check) => ({ name: check.name, look: watch(check, log) }));

  const look = async (): Promise<ReadyView> => {
    const views = await Promise.all(watched.map(async (check) => [check.name, await check.look()] as const));
    const isReady = views.every(([, { status }]) => status === 'ok');
    return { status: isReady ? 'ready' : 'not_ready', checks: Object.fromEntries(views) };
  };
  return keptFor(KEPT_MS, look, now);
}

interface Found {
  view: CheckView;
  level: 'ok' | 'late' | 'failing';
  error?: unknown;
}

const OK: Found = { view: { status: 'ok' }, level: 'ok' };
const LATE: Found = {
  view: { status: 'failed', detail: `Expected an answer within ${LIMIT_MS / 1000} s, got none.` },
  level: 'late',
};

function watch(check: HealthCheck, log: Log): () => Promise<CheckView> {
  const tell = createTeller(check.name, log);
  const look = oneAtATime(() => run(check), LIMIT_MS);
  return async () => {
    const found = await look().catch(() => LATE);
    tell(found);
    return found.view;
  };
}

async function run(check: HealthCheck): Promise<Found> {
  try {
    const detail = await check.failing();
    return detail === undefined ? OK : { view: { status: 'failed', detail }, level: 'failing' };
  } catch (error) {
    const detail = 'Expected it to work, got an error. The log has the cause.';
    return { view: { status: 'failed', detail }, level: 'failing', error };
  }
}

/** Tells changes: the first answer after a cold start may only be late. */
function createTeller(name: string, log: Log): (found: Found) => void {
  let told: Found['level'] = 'ok';
  return ({ view, level, error }) => {
    const before = told;
    told = before === 'failing' && level === 'late' ? before : level;
    if (told === before) return;
    const fields = { check: name, ...(error === undefined ? {} : { error }) };
    if (level === 'ok') {
      log.notice(`The check "${name}" passes again`, { event: 'health.working', ...fields });
    } else if (level === 'late') {
      log.warn(`The check "${name}" is late. ${view.detail}`, { event: 'health.failing', ...fields });
    } else {
      const message = `The service is not ready: the check "${name}" fails. ${view.detail}`;
      log.error(message, { event: 'health.failing', ...fields });
    }
  };
}
