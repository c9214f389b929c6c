/** Tries an encoder in hardware: it must work here, and make clips that can be joined. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../base/log.ts';
import type { HardwareName, Profile } from '../model/pins.ts';
import { conformMemoryMb } from './conform-limits.ts';
import type { Ffmpeg } from './ffmpeg.ts';
import { FfmpegError } from './ffmpeg-error.ts';
import { encoderArguments, HARDWARE, type HardwareEncoder, reasonOf } from './hardware-encoders.ts';
import { readPicture } from './mp4/tracks.ts';

/** The most usual one. Its width is no multiple of 16, so the header crops the picture. */
const PROFILE: Profile = {
  width: 1080,
  height: 1920,
  rate: { num: 30, den: 1 },
  fit: 'contain',
  background: '#000000',
};
/** Two pictures that differ as much as possible: of one colour, and full of detail that moves. */
const PICTURES = [
  { source: 'color=c=gray', frames: 5 },
  { source: 'testsrc2', frames: 9 },
] as const;
/** Drivers take memory, too. */
const LIMITS = { timeoutMs: 60_000, memoryMb: conformMemoryMb(2), fileMb: 64 };

export interface TrialOptions {
  ffmpeg: Ffmpeg;
  /** An empty folder to encode into. */
  dir: string;
  signal: AbortSignal;
}

/** The encoder if it works here. Otherwise undefined, for x264, and the log says why. */
export async function usableEncoder(
  name: HardwareName,
  { log, ...options }: TrialOptions & { log: Log },
): Promise<HardwareName | undefined> {
  const wrong = await tryEncoder(HARDWARE[name], options);
  if (wrong === undefined) return name;
  log.warn(
    `VIDEO_ENCODER=${name} does not work here, so x264 encodes until the next start: ${wrong}. Check the driver and the ` +
      'build of ffmpeg (FFMPEG_BIN), set FFMPEG_CAGE=off if there is a cage, or unset VIDEO_ENCODER',
    { event: 'ffmpeg.no_encoder', encoder: name },
  );
  return undefined;
}

/** Encodes a few frames of two different clips. Returns what is wrong; undefined if they can be joined. */
export async function tryEncoder(
  encoder: HardwareEncoder,
  { ffmpeg, dir, signal }: TrialOptions,
): Promise<string | undefined> {
  const headers = new Set<string>();
  try {
    for (const { source, frames } of PICTURES) {
      const into = join(dir, source.replaceAll(/\W/g, '-'));
      await mkdir(into);
      const out = join(into, 'video.mp4');
      const args = trialArguments(encoder, source, frames, out);
      await ffmpeg.run(args, { signal, ...LIMITS, writes: into });
      headers.add(await checked(out, frames));
    }
  } catch (error) {
    if (signal.aborted) throw error;
    if (FfmpegError.is(error)) return reasonOf(error, encoder);
    return error instanceof Error ? error.message : String(error);
  }
  return headers.size === 1 ? undefined : 'expected one header for all clips, got another for each';
}

function trialArguments(encoder: HardwareEncoder, source: string, frames: number, out: string): string[] {
  const { width, height, rate } = PROFILE;
  const input = `${source}${source.includes('=') ? ':' : '='}s=${width}x${height}:r=${rate.num}/${rate.den}`;
  const tags = 'range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709';
  const filters = ['setsar=1', 'format=yuv420p', `setparams=${tags}`, ...encoder.upload];
  return [
    ...['-v', 'error', '-nostats', '-y', ...encoder.device, '-f', 'lavfi', '-i', input],
    ...['-filter_complex', `[0:v]${filters.join(',')}[v]`, '-map', '[v]'],
    ...[...encoderArguments(PROFILE, encoder), '-frames:v', String(frames)],
    ...['-fflags', '+bitexact', '-movflags', '+faststart', '-f', 'mp4', `file:${out}`],
  ];
}

/** Returns its header. Throws an Error that says what keeps it from being joined. */
async function checked(file: string, expected: number): Promise<string> {
  const { entry, sizes, order } = await readPicture(file, PROFILE.rate);
  if (sizes.length !== expected) throw new Error(`expected ${expected} frames, got ${sizes.length}`);
  if (order !== null) throw new Error('expected no B-frames, got frames in another order');
  return entry.toString('hex');
}
