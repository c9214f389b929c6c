import { TransientError } from '../../base/errors.ts';

/** Below which a download counts as hopeless. */
export interface LeastRate {
  /** On average over the window. */
  bytesPerSecond: number;
  /** Milliseconds; also how long a download may take to come up to speed. */
  windowMs: number;
}

export interface RateWatch extends Disposable {
  /** Fires with the error that `slow` makes, or with a 'network' one if the machine has slept meanwhile. */
  readonly signal: AbortSignal;
  /** Counts bytes that have arrived. */
  count(bytes: number): void;
}

/** Far below any line that finishes a clip in time: it ends servers that send a byte now and then to hold a place. */
export const LEAST_RATE: LeastRate = { bytesPerSecond: 16_384, windowMs: 20_000 };
/** The window moves on by this part of its length. */
const STEPS = 4;

/** Watches the bytes of the last `windowMs`, from now on. Dispose of it when the download has ended. */
export function watchRate(
  { bytesPerSecond, windowMs }: LeastRate,
  slow: (got: { bytes: number; ms: number }) => TransientError,
): RateWatch {
  const late = new AbortController();
  const least = (bytesPerSecond * windowMs) / 1000;
  let bytes = 0;
  /** What had arrived at the end of each step, the oldest first. */
  const before = [0];
  const stepMs = windowMs / STEPS;
  let slept = false;
  let lookedAt = Date.now();
  const timer = setInterval(() => {
    const at = Date.now();
    // Sleep says nothing about the server, though few connections outlive it.
    if (at - lookedAt > 2 * stepMs) {
      slept = true;
      before.splice(0);
    }
    lookedAt = at;
    if (before.length > STEPS) before.shift();
    before.push(bytes);
    const arrived = bytes - (before[0] ?? 0);
    if (before.length <= STEPS || arrived >= least) return;
    late.abort(slept ? lostInSleep() : slow({ bytes: arrived, ms: windowMs }));
  }, stepMs);
  return {
    signal: late.signal,
    count(more) {
      bytes += more;
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

function lostInSleep(): TransientError {
  return new TransientError(
    'network',
    'Expected the download to go on after this machine had slept, got nothing. Next step: none, it is retried.',
  );
}
