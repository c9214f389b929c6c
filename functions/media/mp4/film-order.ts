/** Which frames of a film decoding can begin at, and in which order its frames are shown. */
import type { Picture } from './tracks.ts';

/** Of the whole film, from 1 on; null if decoding can begin at every frame. */
export function syncNumbers(clips: readonly Picture[]): Uint32Array | null {
  if (clips.every(({ sync }) => sync === null)) return null;
  const numbers = new Uint32Array(
    clips.reduce((sum, { sync, sizes }) => sum + (sync === null ? sizes : sync).length, 0),
  );
  let [before, found] = [0, 0];
  for (const { sync, sizes } of clips) {
    const { length } = sync === null ? sizes : sync;
    for (let at = 0; at < length; at++) numbers[found++] = before + (sync?.[at] ?? at) + 1;
    before += sizes.length;
  }
  return numbers;
}

/** Of the whole film; null if all its frames are shown in the order of decoding. */
export function orderOf(clips: readonly Picture[]): Uint32Array | null {
  if (clips.every(({ order }) => order === null)) return null;
  const whole = new Uint32Array(clips.reduce((sum, { sizes }) => sum + sizes.length, 0));
  let before = 0;
  for (const { order, sizes } of clips) {
    for (let at = 0; at < sizes.length; at++) whole[before + at] = before + (order?.[at] ?? at);
    before += sizes.length;
  }
  return whole;
}
