/**
 * Finds where the times of a clip leap, because recordings were joined or a clock was set: nothing was filmed in between.
 * ffmpeg closes such gaps itself in MPEG streams, and in no other container. Pure.
 */
import { gapsBetween, median } from './frame-grid.ts';
import type { ListedStream } from './packets.ts';

/**
 * Sound is recorded without a break, so where both picture and sound pause for longer, nothing was recorded. A picture
 * without sound may stand still for long, which looks the same as a leap.
 */
export const LEAP_SECONDS = 10;

/** The times of a picture as if nothing leapt. */
export interface Leapless {
  leaps: boolean;
  /** As in ListedStream. */
  times: Float64Array;
  end: number;
}

/** @param sound of the same clip, if it has any */
export function withoutLeaps(film: ListedStream, sound: ListedStream | undefined): Leapless {
  const leaps = forward(film.times, sound?.times ?? new Float64Array());
  if (leaps.size === 0 && film.restarted === 0) return { leaps: false, times: film.times, end: film.end };
  const usual = median(gapsBetween(film.times));
  const length = film.times.length;
  const times = new Float64Array(length + film.restarted);
  let skipped = 0;
  for (let at = 0; at < length; at++) {
    const time = film.times[at] as number;
    if (leaps.has(at)) skipped += time - (film.times[at - 1] as number) - usual;
    times[at] = time - skipped;
  }
  const end = film.end - skipped;
  // A median of whole milliseconds is no rate.
  const mean = ((times[length - 1] ?? 0) - (times[0] ?? 0)) / Math.max(1, length - 1);
  for (let at = 0; at < film.restarted; at++) times[length + at] = end + at * mean;
  return { leaps: true, times, end: end + film.restarted * mean };
}

/** Before which frames the times leap. */
function forward(times: Float64Array, sound: Float64Array): Set<number> {
  const found = new Set<number>();
  let heard = 0;
  for (let at = 1; at < times.length; at++) {
    const [before, after] = [times[at - 1] as number, times[at] as number];
    if (after - before <= LEAP_SECONDS) continue;
    // Picture and sound may be apart by a second.
    while (heard < sound.length && (sound[heard] as number) <= before + 1) heard += 1;
    // Sound that has ended, or not begun, says nothing.
    const goesOn = heard > 0 && heard < sound.length;
    if (goesOn && (sound[heard] as number) > after - 1) found.add(at);
  }
  return found;
}
