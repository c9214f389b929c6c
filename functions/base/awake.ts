/**
 * Time in which this machine was awake. A laptop that sleeps must not end what it interrupts: on macOS and Windows, timers
 * that became due meanwhile fire when it wakes, and everywhere the wall clock has moved on.
 */

/** How long a pause between two readings of the clock counts at most. Longer ones were sleep. */
const LONGEST_STEP_MS = 5_000;
const TICK_MS = 1_000;
/** A longer pause than any of a busy process. */
const SLEEP_MS = 30_000;
/** Until then, a machine that slept may have no network. As long as an unreachable server is retried. */
const NETWORK_BACK_MS = 240_000;

let detecting = false;
let ticking: NodeJS.Timeout | undefined;
let readAt = 0;
let wallReadAt = 0;
let now = 0;
/** By `now`. */
let wokeAt = Number.NEGATIVE_INFINITY;

/**
 * Milliseconds since the epoch when it is first read; from then on only the time awake is added, so that neither sleep nor
 * a change of the wall clock moves it.
 */
export function awakeNow(): number {
  const at = performance.now();
  const wall = Date.now();
  if (ticking === undefined) {
    now = wall;
    ticking = setInterval(awakeNow, TICK_MS).unref();
  } else {
    now += Math.min(Math.max(0, at - readAt), LONGEST_STEP_MS);
    // Where the monotonic clock stands still meanwhile, only the wall clock shows it.
    if (Math.max(at - readAt, wall - wallReadAt) > SLEEP_MS) wokeAt = now;
  }
  readAt = at;
  wallReadAt = wall;
  return Math.floor(now);
}

/** For a host on a machine of its own: in the cloud, an instance without requests has no CPU, which looks the same. */
export function detectSleep(): void {
  detecting = true;
  awakeNow();
}

/** Whether the machine slept and woke minutes ago, so that its network may not be up yet. False without detectSleep. */
export function justWoke(): boolean {
  return detecting && awakeNow() - wokeAt < NETWORK_BACK_MS;
}

export interface AwakeTimer extends Disposable {
  /** Starts the time again, also once it is over; nothing once disposed of. */
  restart(): void;
}

/** Calls `work` after so many milliseconds awake, to within LONGEST_STEP_MS. Dispose of it to prevent that. */
export function afterAwake(ms: number, work: () => void): AwakeTimer {
  let left = ms;
  let timer: NodeJS.Timeout | undefined;
  let isDisposed = false;
  // In steps, because one timer would fire at the end of a sleep that began soon after it was set.
  const step = () => {
    const next = Math.min(left, LONGEST_STEP_MS);
    timer = setTimeout(() => {
      left -= next;
      if (left > 0) step();
      else work();
    }, next);
  };
  step();
  return {
    restart() {
      if (isDisposed) return;
      clearTimeout(timer);
      left = ms;
      step();
    },
    [Symbol.dispose]() {
      isDisposed = true;
      clearTimeout(timer);
    },
  };
}

/** A signal that fires after so many milliseconds awake. Dispose of it when the work is done. */
export function awakeLimit(ms: number): Disposable & { readonly signal: AbortSignal } {
  const over = new AbortController();
  const timer = afterAwake(ms, () => over.abort());
  return { signal: over.signal, [Symbol.dispose]: () => timer[Symbol.dispose]() };
}
