/**
 * Finds where the times of a clip leap, because recordings were joined or a clock was set: nothing was filmed in between.
 * ffmpeg closes such gaps itself in MPEG streams, and in no other container. Also builds the filters that close them: only
 * those that were found, so that picture, sound and the expected length agree. Pure.
 */
import type { Probe } from '../model/probe.ts';
import { gapsBetween, median } from './frame-grid.ts';
import type { ListedStream } from './packets.ts';

/**
 * Sound is recorded without a break, so where both picture and sound pause for longer, nothing was recorded. A picture
 * without sound may stand still for long, which looks the same as a leap.
 */
const LEAP_SECONDS = 10;
/** The filters name each of them. Later ones are taken for pauses. */
const MOST_LEAPS = 200;
/** Formats in which ffmpeg closes leaps itself. */
export const CLOSED = ['mpegts', 'mpeg'];

export type Leaps = Pick<NonNullable<Probe['video']>, 'leaps' | 'restarts'>;

/** The times of a picture as if nothing leapt. */
export interface Leapless extends Leaps {
  /** As in ListedStream, so without those that begin anew. */
  times: Float64Array;
  /** Estimated if the times begin anew. */
  end: number;
}

/** @param sound of the same clip, if it has any */
export function withoutLeaps(film: ListedStream, sound: ListedStream | undefined, format = ''): Leapless {
  if (CLOSED.includes(format)) return { leaps: [], restarts: false, times: film.times, end: film.end };
  const restarts = film.restarted.length > 0;
  const found = forward(film.times, sound?.times ?? new Float64Array());
  if (found.size === 0 && !restarts) return { leaps: [], restarts, times: film.times, end: film.end };
  const usual = median(gapsBetween(film.times));
  const leaps: { at: number; by: number }[] = [];
  const length = film.times.length;
  const times = new Float64Array(length);
  let skipped = 0;
  for (let at = 0; at < length; at++) {
    const time = film.times[at] as number;
    if (found.has(at)) {
      const before = film.times[at - 1] as number;
      // The sound leaps up to a second before or after the picture.
      leaps.push({ at: (before + time) / 2, by: time - before - usual });
      skipped += time - before - usual;
    }
    times[at] = time - skipped;
  }
  // Sound does not stand still, so it tells better how long the second recording is.
  const more = restarts
    ? restartedSeconds(sound !== undefined && sound.restarted.length > 0 ? sound : film)
    : 0;
  return { leaps, restarts, times, end: film.end - skipped + more };
}

/** About how long the part is whose times begin anew: as many packets as are left out, at the mean distance of the others. */
function restartedSeconds({ times, restarted }: ListedStream): number {
  return (restarted.length * ((times.at(-1) ?? 0) - (times[0] ?? 0))) / Math.max(1, times.length - 1);
}

/** Before which frames the times leap. */
function forward(times: Float64Array, sound: Float64Array): Set<number> {
  const found = new Set<number>();
  let heard = 0;
  for (let at = 1; at < times.length && found.size < MOST_LEAPS; at++) {
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

/**
 * Filters that move what follows each leap to where it would be without. Empty if there is none.
 * @param step seconds from the last frame before the timestamps begin anew to the next one, as an expression
 */
export function leapless(filter: 'setpts' | 'asetpts', { leaps, restarts }: Leaps, step: string): string[] {
  const onward = `PREV_OUTPTS+if(gte(PTS,PREV_INPTS),PTS-PREV_INPTS,${step}/TB)`;
  const late = leaps.map(({ at, by }) => `gte(T,${at.toFixed(6)})*${by.toFixed(6)}`).join('+');
  return [
    // First, because the leaps that were found are those before it.
    ...(restarts ? [`${filter}='if(isnan(PREV_INPTS),PTS,${onward})'`] : []),
    ...(leaps.length > 0 ? [`${filter}='round(PTS-(${late})/TB)'`] : []),
  ];
}
