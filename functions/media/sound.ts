/** ffmpeg options for raw sound, the format between decoding and encoding: 16-bit stereo at 48 kHz. */
import { SAMPLE_RATE } from '../model/frame-rate.ts';
import { allowing } from './allow-list.ts';

/** For both channels together. */
export const BYTES_PER_SAMPLE = 4;

/** Size of raw sound of this length in megabytes, rounded up generously. */
export function pcmMb(seconds: number): number {
  return Math.ceil((seconds * SAMPLE_RATE * BYTES_PER_SAMPLE) / 2 ** 20) + 1;
}

/** `-i` for a raw sound file that we made, with its options. */
export function pcmInput(file: string): string[] {
  return [
    ...allowing({ demuxers: ['s16le'], decoders: ['pcm_s16le'] }),
    ...['-f', 's16le', '-ar', String(SAMPLE_RATE), '-ac', '2', '-i', `file:${file}`],
  ];
}
