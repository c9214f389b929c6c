/** Sound between its decoding and its encoding: raw 16-bit stereo at 48 kHz. */
import { SAMPLE_RATE } from '../model/frame-rate.ts';
import { allowing } from './allow-list.ts';

/** Of both channels together. */
export const BYTES_PER_SAMPLE = 4;

/** Room that raw sound of that length takes, megabytes, rounded up generously. */
export function pcmMb(seconds: number): number {
  return Math.ceil((seconds * SAMPLE_RATE * BYTES_PER_SAMPLE) / 2 ** 20) + 1;
}

/** `-i` for a raw sound file of ours. */
export function pcmInput(file: string): string[] {
  return [
    ...allowing({ demuxers: ['s16le'], decoders: ['pcm_s16le'] }),
    ...['-f', 's16le', '-ar', String(SAMPLE_RATE), '-ac', '2', '-i', `file:${file}`],
  ];
}

/** Output options for a raw sound file; its name follows. */
export const PCM_OUT: readonly string[] = ['-ac', '2', '-c:a', 'pcm_s16le', '-f', 's16le'];

/**
 * Brings any sound to 48 kHz stereo: a late start and holes become silence, as the timestamps say. What is said to
 * begin after `maxSeconds` goes first: the silence before it would be made in memory, all at once. `ahead`: seconds by
 * which it is moved to an earlier time; what would begin before 0 is cut off.
 */
export function pcmFilter(maxSeconds: number, ahead = 0): string {
  const moved = ahead === 0 ? '' : `asetpts=PTS-${ahead.toFixed(6)}/TB,`;
  return `${moved}atrim=end=${maxSeconds},aresample=${SAMPLE_RATE}:async=1:min_hard_comp=0.02:first_pts=0:ochl=stereo:osf=s16`;
}
