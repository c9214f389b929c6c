/** Something that all work needs, such as a disk, fails for a while: told once when it begins and once when it is over. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface OutageListener {
  /** Called with the first error. */
  began: (error: unknown) => void;
  /** Called once it has worked for a few seconds, with the seconds from the first error to the last. */
  over: (seconds: number) => void;
}

export interface OutageOptions extends OutageListener {
  /** Called at each success during an outage, when whoever waits tries again at once. */
  onSuccess?: () => void;
}

export interface Outage {
  failed(error: unknown): void;
  worked(): void;
  /** How long to wait before the next try. Grows with the outage. */
  readonly pauseMs: number;
  /** Waits that long, or until something has worked, or until the signal fires. Never rejects. */
  pause(signal: AbortSignal): Promise<void>;
}

const SHORTEST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 5_000;
/** On a disk that is almost full, some writes work and others do not. That is one outage, not many. */
const SETTLED_MS = 5_000;

export function createOutage({ began, over, onSuccess }: OutageOptions): Outage {
  let since: number | undefined;
  let lastFailure = 0;
  let settling: NodeJS.Timeout | undefined;
  let tryAgain = new AbortController();

  const end = () => {
    const seconds = (lastFailure - (since ?? lastFailure)) / 1000;
    since = undefined;
    settling = undefined;
    over(seconds);
  };

  return {
    failed(error) {
      clearTimeout(settling);
      settling = undefined;
      lastFailure = performance.now();
      if (since !== undefined) return;
      since = lastFailure;
      began(error);
    },

    worked() {
      if (since === undefined) return;
      settling ??= setTimeout(end, SETTLED_MS).unref();
      tryAgain.abort();
      tryAgain = new AbortController();
      onSuccess?.();
    },

    get pauseMs() {
      const lasted = performance.now() - (since ?? performance.now());
      return Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, lasted / 2));
    },

    async pause(signal) {
      await sleep(this.pauseMs, undefined, { signal: AbortSignal.any([signal, tryAgain.signal]) }).catch(
        () => {},
      );
    },
  };
}
