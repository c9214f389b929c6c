/** Estimates how much loudness the limiter takes. Trying it with ffmpeg takes ten times as long. */
import { LIMITER } from './mix-graph.ts';
import { type Envelope, meanEnergy } from './sound-envelope.ts';

/** Tells how many LU less a sound has after a gain if its peaks are limited. Gains are decibels, the limit is 0 to 1. */
export function limiterLossOf({ peaks, energies }: Envelope, limit: number): (gain: number) => number {
  const before = meanEnergy(energies);
  // First what the limiter lets through, then what is heard of it: an hour of sound takes 14 MB.
  const left = new Float32Array(peaks.length);
  return (gain) => {
    const most = limit / 10 ** (gain / 20);
    for (let at = 0; at < left.length; at++) left[at] = Math.min(1, most / (peaks[at] as number));
    for (let at = left.length - 2; at >= 0; at--) {
      const next = left[at + 1] as number;
      left[at] = Math.min(left[at] as number, next + (1 - next) / LIMITER.attackMs);
    }
    let held = 1;
    let step = 0;
    for (let at = 0; at < left.length; at++) {
      const wanted = left[at] as number;
      if (wanted <= held + step) {
        held = wanted;
        step = (1 - wanted) / LIMITER.releaseMs;
      } else held = Math.min(1, held + step);
      left[at] = (energies[at] as number) * held * held;
    }
    const after = meanEnergy(left);
    return before === 0 || after === 0 ? 0 : 10 * Math.log10(before / after);
  };
}
