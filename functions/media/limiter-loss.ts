/** Estimates how much loudness the limiter takes. Trying it with ffmpeg takes ten times as long. */
import { LIMITER } from './mix-graph.ts';
import { type Envelope, meanEnergy } from './sound-envelope.ts';

/** How many LU less a sound has after that gain if its peaks are limited. @param gain decibels @param limit 0 to 1 */
export function limiterLoss({ peaks, energies }: Envelope, gain: number, limit: number): number {
  const most = limit / 10 ** (gain / 20);
  const passed = new Float64Array(peaks.length);
  for (let at = 0; at < passed.length; at++) passed[at] = Math.min(1, most / (peaks[at] as number));
  for (let at = peaks.length - 2; at >= 0; at--) {
    const next = passed[at + 1] as number;
    passed[at] = Math.min(passed[at] as number, next + (1 - next) / LIMITER.attackMs);
  }
  let held = 1;
  let step = 0;
  const limited = new Float64Array(energies.length);
  for (let at = 0; at < limited.length; at++) {
    const wanted = passed[at] as number;
    if (wanted <= held + step) {
      held = wanted;
      step = (1 - wanted) / LIMITER.releaseMs;
    } else held = Math.min(1, held + step);
    limited[at] = (energies[at] as number) * held * held;
  }
  const [before, after] = [meanEnergy(energies), meanEnergy(limited)];
  return before === 0 || after === 0 ? 0 : 10 * Math.log10(before / after);
}
