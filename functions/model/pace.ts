/** How fast videos of a task succeed. Failures and cancelled combinations say nothing about that. Pure. */

/** Of this many latest successes, so that the pace follows changes, and shows bursts of up to half as many. */
export const PACED_SUCCESSES = 64;
/** A gap is a pause, in which the service was off or the machine slept, if it is long beside all shorter ones together. */
const PAUSE_FACTOR = 3;
const LEAST_PAUSE_MS = 600_000;
/** Videos that began together end together, and then none for as long as one takes. */
const SILENCE_FACTOR = 3;
const LEAST_SILENCE_MS = 30_000;

/**
 * Expected milliseconds until the task has ended. Undefined if that is not known: fewer than two videos have succeeded,
 * or none has for much longer than usual.
 * @param succeededAt when videos succeeded, milliseconds since the epoch, in order; the latest ones
 */
export function expectedMs(succeededAt: readonly number[], pending: number, now: number): number | undefined {
  const latest = succeededAt.slice(-PACED_SUCCESSES);
  const gaps = latest.slice(1).map((at, before) => at - (latest[before] as number));
  const longest = longestOf(gaps);
  const usual = gaps.filter((gap) => gap <= longest);
  if (usual.length === 0) return undefined;
  const silence = now - (latest.at(-1) as number);
  if (silence > Math.max(LEAST_SILENCE_MS, SILENCE_FACTOR * longest)) return undefined;
  // Of a single burst, the silence after it is all that tells how long the next one takes.
  const silent = (sumOf(usual) + silence) / (usual.length + 1);
  return Math.max(paceOf(usual), silent) * pending;
}

/** The longest gap that is no pause; below all gaps if there is none. Pauses are fewer than the other gaps. */
function longestOf(gaps: readonly number[]): number {
  const sorted = gaps.toSorted((one, other) => one - other);
  const pause = sorted.findIndex(
    (gap, at) =>
      at >= Math.floor(sorted.length / 2) &&
      gap > Math.max(LEAST_PAUSE_MS, PAUSE_FACTOR * sumOf(sorted.slice(0, at))),
  );
  return (pause < 0 ? sorted : sorted.slice(0, pause)).at(-1) ?? Number.NEGATIVE_INFINITY;
}

/** The mean time in which half as many videos more succeeded, per video: bursts come out right wherever the times begin. */
function paceOf(gaps: readonly number[]): number {
  const half = Math.ceil(gaps.length / 2);
  const spans = gaps.slice(half - 1).map((_, from) => sumOf(gaps.slice(from, from + half)));
  return sumOf(spans) / spans.length / half;
}

function sumOf(times: readonly number[]): number {
  return times.reduce((sum, time) => sum + time, 0);
}
