/** Steps in which ffmpeg makes film or sound, and how fast. */
import { record } from '../base/telemetry/metrics.ts';
import { step } from '../base/telemetry/spans.ts';

/** @param secondsOf how long what it has made lasts, in seconds */
export function filmStep<T>(
  stage: 'conform' | 'mix',
  kind: string,
  work: () => Promise<T>,
  secondsOf: (made: T) => number,
): Promise<T> {
  return step(stage, kind, async (span) => {
    const began = performance.now();
    const made = await work();
    const film = secondsOf(made);
    record('every_cut.ffmpeg.speed', (1000 * film) / (performance.now() - began), {
      'every_cut.stage': stage,
    });
    span.setAttribute('every_cut.film.seconds', film);
    return made;
  });
}
