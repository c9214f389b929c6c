/** Frames per second as an exact fraction: 29.97 is 30000/1001. */
export interface FrameRate {
  readonly num: number;
  readonly den: number;
}

/** The rates that cameras, phones and editors write, slowest first. */
export const STANDARD_RATES: readonly FrameRate[] = [
  { num: 10, den: 1 },
  { num: 25, den: 2 },
  { num: 15, den: 1 },
  { num: 24000, den: 1001 },
  { num: 24, den: 1 },
  { num: 25, den: 1 },
  { num: 30000, den: 1001 },
  { num: 30, den: 1 },
  { num: 48, den: 1 },
  { num: 50, den: 1 },
  { num: 60000, den: 1001 },
  { num: 60, den: 1 },
];

export const SAMPLE_RATE = 48_000;

export function framesPerSecond(rate: FrameRate): number {
  return rate.num / rate.den;
}

/** In ffmpeg's notation: "30" or "30000/1001". */
export function rateText(rate: FrameRate): string {
  return rate.den === 1 ? String(rate.num) : `${rate.num}/${rate.den}`;
}

/** The nearest standard rate: 29.97 gives 30000/1001. */
export function nearestStandardRate(fps: number): FrameRate {
  const [first, ...rest] = STANDARD_RATES as [FrameRate, ...FrameRate[]];
  return rest.reduce(
    (best, rate) =>
      Math.abs(framesPerSecond(rate) - fps) < Math.abs(framesPerSecond(best) - fps) ? rate : best,
    first,
  );
}

/** Samples per channel that last as long as the frames, to within half a sample. */
export function samplesOf(frames: number, rate: FrameRate): number {
  return Math.round((frames * SAMPLE_RATE * rate.den) / rate.num);
}
