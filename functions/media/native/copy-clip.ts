/** Takes a clip into a task as it is: nothing is encoded, its frames only get exact times. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson } from '../../base/canonical-json.ts';
import { rateText, samplesOf } from '../../model/frame-rate.ts';
import type { Probe, Profile } from '../../model/pins.ts';
import { refuseLarge } from '../conform-limits.ts';
import { cutSound } from '../cut-sound.ts';
import type { Ffmpeg } from '../ffmpeg.ts';
import { FfmpegError } from '../ffmpeg-error.ts';
import { type OwnSoundWish, ownSound } from '../own-sound.ts';
import { timescale } from '../profile.ts';
import { untrustedInput } from '../untrusted.ts';
import { isHeld, unfitForCopy } from './fitness.ts';
import { CopyRefused, refuseUnless } from './refused.ts';
import { checkRemuxed } from './remuxed.ts';

export { unfitForCopy } from './fitness.ts';
export { CopyRefused } from './refused.ts';

export interface CopyRequest extends OwnSoundWish {
  probe: Probe;
  profile: Profile;
  /** Longest clip allowed. */
  maxSeconds: number;
  /** Absolute path of the source. */
  file: string;
  /** Existing folder for video.mp4 and sound.s16le. */
  dir: string;
  signal: AbortSignal;
  /** The longest that sound and picture together may take. */
  timeoutMs: number;
}

export interface CopiedClip {
  /** See CopyCheck. */
  header: string;
  frames: number;
  samples: number;
  warnings: string[];
}

/** Increase it with every change to what is copied or refused. */
const RECIPE = 'native 1';
const REMUX_TIMEOUT_MS = 120_000;
/** ffmpeg holds two indexes: that of the file it reads, and that of the one it writes. */
const REMUX_MEMORY_MB = 512;
/** The frames keep their bytes. The index of the longest clips takes some of these. */
const MORE_FILE_MB = 32;

/** Everything that a copied clip depends on besides its source and the ffmpeg build. Part of the artifact's key. */
export function copyIdentity(
  { width, height, rate }: Profile,
  { probe, own = true, maxSeconds }: Pick<CopyRequest, 'probe' | 'own' | 'maxSeconds'>,
): string[] {
  const sound = probe.audio === null ? 'no sound' : own ? `own sound up to ${maxSeconds}` : 'sound off';
  return [RECIPE, `${width}x${height}`, rateText(rate), sound, canonicalJson(probe)];
}

/** Changes only the time base: ffmpeg 5.1 and 7.0 do the same with that, and not with filters of times. */
export function remuxArguments(file: string, stream: number, ticks: number, out: string): string[] {
  return [
    ...['-v', 'error', '-nostats', '-y', ...untrustedInput(file)],
    ...['-map', `0:${stream}`, '-c', 'copy', '-an', '-map_metadata', '-1', '-map_chapters', '-1'],
    ...['-video_track_timescale', String(ticks), '-movie_timescale', String(ticks)],
    // Bit rates would make the headers of clips differ that are the same for decoders.
    ...['-write_btrt', '0', '-fflags', '+bitexact', '-f', 'mp4', `file:${out}`],
  ];
}

/**
 * Makes dir/video.mp4 with the frames of the source, and dir/sound.s16le as conforming does. Throws CopyRefused, and what
 * conformClip throws for sound and limits.
 */
export async function copyClip(ffmpeg: Ffmpeg, request: CopyRequest): Promise<CopiedClip> {
  const { profile, probe, signal, timeoutMs, dir, own = true } = request;
  const { video } = probe;
  const unfit = unfitForCopy(probe, profile);
  if (unfit !== undefined || video === null) throw new CopyRefused(unfit ?? 'has no picture');
  const input = { ...request, probe: { ...probe, video } };
  refuseLarge(input);
  refuseUnless(
    !isHeld(input.probe, profile, own),
    'has sound that is longer than its picture, whose last frame is held',
  );
  const started = performance.now();
  await remux(ffmpeg, request, video.stream);
  const header = await checkRemuxed(join(dir, 'video.mp4'), video.packets, profile, signal);
  const left = timeoutMs - (performance.now() - started);
  const out = join(dir, 'sound.s16le');
  const { warnings } = await ownSound(ffmpeg, { ...input, out }, { signal, timeoutMs: left });
  const samples = samplesOf(video.packets, profile.rate);
  await cutSound(out, samples);
  return { header, frames: video.packets, samples, warnings };
}

async function remux(
  ffmpeg: Ffmpeg,
  { file, dir, profile, timeoutMs, signal }: CopyRequest,
  stream: number,
): Promise<void> {
  const args = remuxArguments(file, stream, timescale(profile.rate), join(dir, 'video.mp4'));
  const limits = {
    timeoutMs: Math.min(REMUX_TIMEOUT_MS, timeoutMs),
    memoryMb: REMUX_MEMORY_MB,
    fileMb: Math.ceil((await stat(file)).size / 2 ** 20) + MORE_FILE_MB,
  };
  try {
    await ffmpeg.run(args, { signal, ...limits, reads: [file], writes: dir });
  } catch (error) {
    if (!FfmpegError.is(error)) throw error;
    throw new CopyRefused(`cannot be copied by ffmpeg (${error.shortMessage})`, { cause: error });
  }
}
