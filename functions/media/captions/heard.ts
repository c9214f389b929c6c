/** Where a spoken line is not silent. */
import type { Envelope } from '../sound-envelope.ts';
import type { Stretch } from './estimate.ts';

/** Of the highest peak: breath and noise are below. */
const SILENT = 0.02;
/** Shorter pauses are within a word, before a "t" or a "p". Milliseconds. */
const LEAST_PAUSE = 120;
/** What is shorter is a click. */
const LEAST_SOUND = 20;

/** In order, at least one; all of a sound that is silent throughout. */
export function heardIn({ peaks }: Pick<Envelope, 'peaks'>): Stretch[] {
  const threshold = peaks.reduce((most, peak) => Math.max(most, peak), 0) * SILENT;
  const found: { from: number; to: number }[] = [];
  for (let at = 0; at < peaks.length; at++) {
    if (threshold === 0 || (peaks[at] as number) <= threshold) continue;
    const last = found.at(-1);
    if (last !== undefined && at - last.to < LEAST_PAUSE) last.to = at + 1;
    else found.push({ from: at, to: at + 1 });
  }
  const heard = found.filter(({ from, to }) => to - from >= LEAST_SOUND);
  if (heard.length === 0) return [{ start: 0, end: peaks.length / 1000 }];
  return heard.map(({ from, to }) => ({ start: from / 1000, end: to / 1000 }));
}
