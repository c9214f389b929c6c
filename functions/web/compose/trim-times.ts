/** The part of a clip that is used: what a handle may do, and how people write times. Seconds, to the millisecond. */
import type { Clip } from './draft.ts';

export interface Part {
  start: number;
  /** Null: to the end, whose time is not known. */
  end: number | null;
}

export type Handle = 'start' | 'end';

/** One frame of 30 a second: the least that a key moves a handle by, and the least that is left. */
export const FRAME = 1 / 30;
/** The service takes no later times. */
const MOST = 86_400;

export function partOf({ startSeconds, endSeconds, seconds }: Clip): Part {
  return { start: startSeconds ?? 0, end: endSeconds ?? seconds };
}

/** As the draft has it: null where the part begins and ends with the clip. */
export function trimOf(
  { start, end }: Part,
  seconds: number | null,
): Pick<Clip, 'startSeconds' | 'endSeconds'> {
  const isToTheEnd = end === null || (seconds !== null && end >= seconds - 0.0005);
  return { startSeconds: start <= 0 ? null : toMs(start), endSeconds: isToTheEnd ? null : toMs(end) };
}

/** The part with a handle at this time, as far as the clip and the other handle let it. */
export function moved({ start, end }: Part, handle: Handle, to: number, seconds: number): Part {
  const last = end ?? seconds;
  if (handle === 'start') return { start: toMs(between(to, 0, last - FRAME)), end };
  return { start, end: toMs(between(to, start + FRAME, seconds)) };
}

/** Where a key moves a handle to; undefined: it is not a key for it. */
export function afterKey(key: string, hasShift: boolean, now: number, seconds: number): number | undefined {
  const steps: Record<string, number> = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 };
  const by = steps[key];
  if (by !== undefined) return hasShift ? now + by : toMs((Math.round(now / FRAME) + by) * FRAME);
  if (key === 'PageUp' || key === 'PageDown') return now + (key === 'PageUp' ? 5 : -5);
  if (key === 'Home') return 0;
  return key === 'End' ? seconds : undefined;
}

/** A sentence on what is wrong with a part that was typed in; undefined: nothing. */
export function mistakeIn({ start, end }: Part, seconds: number | null): string | undefined {
  const most = seconds ?? MOST;
  for (const [name, time] of [
    ['start', start],
    ['end', end ?? most],
  ] as const) {
    if (Number.isNaN(time) || time < 0 || time > most + 0.0005) {
      const got = Number.isNaN(time) ? 'no number' : shownTime(time);
      return `Expected ${name === 'start' ? 'a start' : 'an end'} from 0 to ${shownTime(most)}, got ${got}.`;
    }
  }
  if ((end ?? most) - start >= FRAME - 0.0005) return undefined;
  return `Expected an end after the start, got ${shownTime(start)} to ${shownTime(end ?? most)}.`;
}

/** `7.5 s`, to the millisecond where there are any. */
export function shownTime(seconds: number): string {
  return `${Number(seconds.toFixed(3))} s`;
}

export function toMs(seconds: number): number {
  return Math.round(seconds * 1_000) / 1_000;
}

function between(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(value, Math.max(least, most)));
}
