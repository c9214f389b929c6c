/** Mistakes in which part of a clip or track is used, as far as they are known without the file. */
import type { Mistake } from '../base/errors.ts';
import { framesPerSecond, nearestStandardRate } from './frame-rate.ts';
import { LEAST_FRAME_SECONDS } from './trim.ts';

/** Times are written with three decimals. */
const ROUNDED_SECONDS = 0.001;

/** @param clip of any shape @param fps of the videos, if the request says so; undefined also for tracks */
export function trimMistakes(pointer: string, clip: Record<string, unknown>, fps?: number): Mistake[] {
  const { start_seconds: start = 0, end_seconds: end } = clip;
  if (typeof start !== 'number' || typeof end !== 'number') return [];
  const mistake = (expected: string, got: string, next: string): Mistake[] => [
    {
      pointer: `${pointer}/end_seconds`,
      code: 'conflict',
      message: `Expected ${expected}, got ${got}. ${next}`,
    },
  ];
  if (end <= start) {
    const got = `${end}`;
    return mistake(`more than start_seconds (${start})`, got, 'Leave it out to go on to the end.');
  }
  const frame = fps === undefined ? LEAST_FRAME_SECONDS : 1 / framesPerSecond(nearestStandardRate(fps));
  if (end - start > frame - ROUNDED_SECONDS) return [];
  return mistake(
    `at least one frame (${frame.toFixed(3)} s) after start_seconds`,
    `${Number((end - start).toFixed(6))} s`,
    'Choose a later end_seconds.',
  );
}
