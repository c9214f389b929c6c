/** Lays very short sounds out longer, so that a loop of them is cheap. */
import { readFile, writeFile } from 'node:fs/promises';
import { SAMPLE_RATE } from '../model/frame-rate.ts';
import { BYTES_PER_SAMPLE } from './sound.ts';

/** ffmpeg takes as long to begin a loop anew as to mix some milliseconds of it. */
const LEAST_SAMPLES = 2 * SAMPLE_RATE;

/** Repeats the raw sound in the file, always as a whole, until a loop of it is long enough. Returns its samples. */
export async function layOut(file: string, samples: number): Promise<number> {
  if (samples >= LEAST_SAMPLES) return samples;
  const times = Math.ceil(LEAST_SAMPLES / samples);
  const once = (await readFile(file)).subarray(0, samples * BYTES_PER_SAMPLE);
  await writeFile(file, Buffer.alloc(times * once.length, once));
  return times * samples;
}
