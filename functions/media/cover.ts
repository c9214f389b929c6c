/** Takes a picture out of a prepared clip, as a JPEG. */
import { type FrameRate, framesPerSecond } from '../model/frame-rate.ts';
import type { Ffmpeg } from './ffmpeg.ts';
import { permanentFrom } from './ffmpeg-error.ts';

export interface CoverRequest {
  /** Absolute path of a prepared clip's picture. */
  video: string;
  rate: FrameRate;
  /** Of the clip, from 0; null: the one that shows most of its beginning. */
  frame: number | null;
  /** Absolute path of the new file. */
  out: string;
  /** The folder of `out`. */
  dir: string;
  signal: AbortSignal;
}

/** One of the best qualities. */
const QUALITY = '2';
/** Where the one that shows most is looked for: 25 pictures of the first five seconds. All of them are in memory. */
const LOOKED_AT_SECONDS = 5;
const LOOKED_AT = 25;
/** A JPEG has another matrix and another range than a film. Through RGB, as the scaler changes matrices only there. */
const AS_JPEG = [
  'scale=in_color_matrix=bt709:in_range=tv:flags=accurate_rnd+full_chroma_int,format=gbrp',
  'scale=out_color_matrix=bt601:out_range=pc:flags=accurate_rnd+full_chroma_int,format=yuvj420p',
].join(',');
/** Noise in the largest picture that H.264 carries takes less. */
export const MOST_COVER_MB = 32;
const LIMITS = { timeoutMs: 120_000, memoryMb: 1_500, fileMb: MOST_COVER_MB };

/** Throws PermanentError 'conform_failed', and TransientError. */
export async function takeCover(ffmpeg: Ffmpeg, request: CoverRequest): Promise<void> {
  const { video, dir, signal } = request;
  await ffmpeg
    .run(coverArguments(request), { signal, ...LIMITS, reads: [video], writes: dir })
    .catch((error: unknown) => {
      throw permanentFrom(error, 'conform_failed', 'conform', {
        expected: 'a picture for the cover',
        next: 'Choose another time in cover.at_seconds.',
      });
    });
}

export function coverArguments({ video, rate, frame, out }: Omit<CoverRequest, 'dir' | 'signal'>): string[] {
  const input = ['-i', `file:${video}`];
  const step = Math.ceil((LOOKED_AT_SECONDS * framesPerSecond(rate)) / LOOKED_AT);
  // Half a frame early: a time between two frames means the second one.
  const at = frame === null ? '0' : Math.max(0, (frame - 0.5) / framesPerSecond(rate)).toFixed(6);
  const chosen =
    frame === null
      ? [
          '-t',
          String(LOOKED_AT_SECONDS),
          ...input,
          '-vf',
          `select='not(mod(n,${step}))',thumbnail=${LOOKED_AT},${AS_JPEG}`,
        ]
      : ['-ss', at, ...input, '-vf', AS_JPEG];
  return [
    ...['-v', 'warning', '-nostats', '-y', '-threads', '1', '-f', 'mp4', '-protocol_whitelist', 'file'],
    ...chosen,
    ...['-map', '0:v:0', '-frames:v', '1', '-c:v', 'mjpeg', '-q:v', QUALITY, '-map_metadata', '-1'],
    ...['-fflags', '+bitexact', '-flags:v', '+bitexact', '-f', 'image2', '-update', '1', `file:${out}`],
  ];
}
