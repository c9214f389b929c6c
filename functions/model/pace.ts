/** How fast videos of a task succeed. Failures and cancelled combinations say nothing about that. Pure. */

/** Of this many latest successes, so that the pace follows changes. */
export const PACED_SUCCESSES = 20;
/** No video takes as long: the service was off, or the machine slept. */
const LONGEST_GAP_MS = 900_000;
/** A gap is a pause if it is this many times the mean of the shorter ones, and not short itself. */
const PAUSE_FACTOR = 10;
const LEAST_PAUSE_MS = 10_000;

/**
 * Expected milliseconds until the task has ended. Undefined if that is not known: fewer than two videos have succeeded,
 * or none has for much longer than usual.
 * @param succeededAt when videos succeeded, milliseconds since the epoch, in order; the latest ones
 */
export function expectedMs(succeededAt: readonly number[], pending: number, now: number): number | undefined {
  const latest = succeededAt.slice(-PACED_SUCCESSES);
  const gaps = latest.slice(1).map((at, before) => at - (latest[before] as number));
  const usual = withoutPauses(gaps);
  if (usual.length === 0) return undefined;
  const pace = meanOf(usual);
  const silence = now - (latest.at(-1) as number);
  return silence > pauseAfter(pace) ? undefined : pace * pending;
}

function withoutPauses(gaps: readonly number[]): number[] {
  const usual = gaps.filter((gap) => gap <= LONGEST_GAP_MS).toSorted((one, other) => one - other);
  while (usual.length > 1 && (usual.at(-1) as number) > pauseAfter(meanOf(usual.slice(0, -1)))) usual.pop();
  return usual;
}

function pauseAfter(pace: number): number {
  return Math.max(LEAST_PAUSE_MS, PAUSE_FACTOR * pace);
}

function meanOf(gaps: readonly number[]): number {
  return gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
}
