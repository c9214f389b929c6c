import { open } from 'node:fs/promises';
import { BYTES_PER_SAMPLE } from './sound.ts';

/** Cuts raw sound to the length, or pads it with silence. Creates the file if there was no sound. */
export async function cutSound(file: string, samples: number): Promise<void> {
  await using handle = await open(file, 'a');
  await handle.truncate(samples * BYTES_PER_SAMPLE);
}
