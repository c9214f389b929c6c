/** Looks whether the service can take work: cheap enough to be asked every second, and never hanging. */
import type { Log } from '../base/log.ts';
import { inTime } from '../base/time-limit.ts';
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
export function createReadiness({ checks, log, now = () => performance.now() }: ReadinessOptions) {
  const watched = checks.map((check) => ({ name: check.name, look: watch(check, log) }));
  let latest: { at: number; view: Promise<ReadyView> } | undefined;

  const look = async (): Promise<ReadyView> => {
    const views = await Promise.all(watched.map(async (check) => [check.name, await check.look()] as const));
    const isReady = views.every(([, { status }]) => status === 'ok');
    return { status: isReady ? 'ready' : 'not_ready', checks: Object.fromEntries(views) };
  };
  return (): Promise<ReadyView> => {
    if (latest === undefined || now() - latest.at >= KEPT_MS) latest = { at: now(), view: look() };
    return latest.view;
  };
}

/** Runs the check once at a time: one that hangs, as on a dead network disk, must not take up more and more threads. */
function watch(check: HealthCheck, log: Log): () => Promise<CheckView> {
  const { name } = check;
  let running: Promise<CheckView> | undefined;
  let wasFailing = false;

  const run = async (): Promise<CheckView> => {
    try {
      const detail = await check.failing();
      return detail === undefined ? tell({ status: 'ok' }) : tell({ status: 'failed', detail });
    } catch (error) {
      const detail = 'Expected it to work, got an error. The log has the cause.';
      return tell({ status: 'failed', detail }, error);
    }
  };
  /** In the log, once when it begins and once when it is over. */
  const tell = (view: CheckView, error?: unknown): CheckView => {
    const isFailing = view.status === 'failed';
    if (isFailing && !wasFailing) {
      log.error(`The service is not ready: the check "${name}" fails. ${view.detail}`, {
        event: 'health.failing',
        check: name,
        ...(error === undefined ? {} : { error }),
      });
    } else if (!isFailing && wasFailing) {
      log.notice(`The check "${name}" passes again`, { event: 'health.working', check: name });
    }
    wasFailing = isFailing;
    return view;
  };
  return async () => {
    running ??= run().finally(() => {
      running = undefined;
    });
    return await inTime(running, LIMIT_MS, () => new Error('late')).catch(() =>
      tell({ status: 'failed', detail: `Expected an answer within ${LIMIT_MS / 1000} s, got none.` }),
    );
  };
}
