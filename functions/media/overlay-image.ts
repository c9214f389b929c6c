/** Makes the picture of an overlay from a file of a stranger: once, whatever clips and sizes it is for. */
import { join } from 'node:path';
import { PermanentError } from '../base/errors.ts';
import type { Probe } from '../model/probe.ts';
import type { Ffmpeg } from './ffmpeg.ts';
import { permanentFrom } from './ffmpeg-error.ts';
import type { RunLimits } from './limits.ts';
import { asOverlay, halvings } from './scale-graph.ts';
import { photoInput } from './untrusted.ts';

/** More than most videos have. A clip may have ten of them in memory. */
const MOST_SIDE = 2160;
/** PNG takes a few bytes more than the picture if it cannot be compressed. */
const FILE_MB = Math.ceil((4 * MOST_SIDE ** 2) / 2 ** 20) + 1;
/** As for conforming a photo: 48 million pixels with transparency took 600 MB. */
const LIMITS: RunLimits = { timeoutMs: 120_000, memoryMb: 1_536, fileMb: FILE_MB };

export interface OverlayImageRequest {
  /** Absolute path. */
  file: string;
  probe: Probe;
  /** Existing folder. */
  dir: string;
  /** Name of the PNG in it. */
  name: string;
  signal: AbortSignal;
}

export interface ImageSize {
  width: number;
  height: number;
}

/**
 * Writes the picture upright, at most 2160 pixels wide and high, in RGB of full range with transparency, by which its
 * colours are multiplied. Throws PermanentError 'image_unusable'.
 */
export async function makeOverlayImage(
  ffmpeg: Ffmpeg,
  { file, probe, dir, name, signal }: OverlayImageRequest,
): Promise<ImageSize> {
  const video = stillOf(probe);
  const size = overlaySize(video);
  const out = join(dir, name);
  const bounds = { width: MOST_SIDE, height: MOST_SIDE, fit: 'contain' } as const;
  const args = [
    ...['-v', 'verbose', '-nostats', '-y'],
    ...(video.alphaDecoder ? ['-c:v', video.alphaDecoder] : []),
    ...['-reinit_filter', '0', ...photoInput(file, halvings(video, [bounds]))],
    ...['-filter_threads', '1', '-filter_complex_threads', '1'],
    ...[
      '-filter_complex',
      `[0:${video.stream}]${[...asOverlay(video, size), 'setsar=1', 'format=rgba'].join(',')}[v]`,
    ],
    ...['-map', '[v]', '-frames:v', '1', '-threads:v', '1', '-map_metadata', '-1', '-fflags', '+bitexact'],
    ...['-c:v', 'png', '-f', 'image2pipe', `file:${out}`],
  ];
  await ffmpeg.run(args, { signal, ...LIMITS, reads: [file], writes: dir }).catch((error: unknown) => {
    throw permanentFrom(error, 'image_unusable', 'conform', {
      expected: 'a picture that can be decoded',
      next: 'Export it again as PNG or JPEG.',
    });
  });
  return size;
}

/** As displayed, bounded. */
function overlaySize({ width, height }: ImageSize): ImageSize {
  const smaller = Math.min(1, MOST_SIDE / Math.max(width, height));
  const scaled = (side: number) => Math.max(1, Math.round(side * smaller));
  return { width: scaled(width), height: scaled(height) };
}

function stillOf({ video, audio }: Probe): NonNullable<Probe['video']> {
  if (video?.still) return video;
  const got =
    video !== null
      ? `${['gif', 'apng'].includes(video.codec) ? 'an animation' : 'a film'} of ${video.seconds.toFixed(1)} s`
      : audio !== null
        ? 'a file of sound alone'
        : 'a file without a picture';
  throw new PermanentError(
    'image_unusable',
    'conform',
    `Expected a still picture for an overlay, got ${got}. Send it as PNG, JPEG or WebP.`,
  );
}
