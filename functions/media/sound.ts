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

/** Output options for a raw sound file. The file name follows. */
export const PCM_OUT: readonly string[] = ['-ac', '2', '-c:a', 'pcm_s16le', '-f', 's16le'];

/**
 * Brings any sound to 48 kHz stereo. A late start and gaps become silence, as the timestamps say. What starts after
 * `maxSeconds` is dropped first, because the silence before it would be made in memory all at once.
 * @param ahead seconds by which to move the sound to an earlier time; what would start before 0 is cut off
 */
export function pcmFilter(maxSeconds: number, ahead = 0): string {
  const moved = ahead === 0 ? '' : `asetpts=PTS-${ahead.toFixed(6)}/TB,`;
  return `${moved}atrim=end=${maxSeconds},aresample=${SAMPLE_RATE}:async=1:min_hard_comp=0.02:first_pts=0:ochl=stereo:osf=s16`;
}
