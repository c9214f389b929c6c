/** Takes a clip into a task as it is: nothing is encoded, its frames only get exact times. */
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson } from '../../base/canonical-json.ts';
import { framesPerSecond, rateText, samplesOf } from '../../model/frame-rate.ts';
import type { Profile } from '../../model/pins.ts';
import type { Trim } from '../../model/plan.ts';
import type { Probe } from '../../model/probe.ts';
import { refuseLarge } from '../conform-limits.ts';
import { cutSound } from '../cut-sound.ts';
import type { Ffmpeg } from '../ffmpeg.ts';
import { FfmpegError } from '../ffmpeg-error.ts';
import { type OwnSoundWish, ownSound } from '../own-sound.ts';
import { timescale } from '../profile.ts';
import { beyondEnd, partOf, trimIdentity, trimWarnings } from '../trim.ts';
import { untrustedInput } from '../untrusted.ts';
import { copyPart } from './copy-part.ts';
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
  /** The part that is used; absent: all of it. */
  trim?: Trim;
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
  { probe, own = true, maxSeconds, trim }: Pick<CopyRequest, 'probe' | 'own' | 'maxSeconds' | 'trim'>,
): string[] {
  const sound = probe.audio === null ? 'no sound' : own ? `own sound up to ${maxSeconds}` : 'sound off';
  return [RECIPE, `${width}x${height}`, rateText(rate), sound, ...trimIdentity(trim), canonicalJson(probe)];
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
  const { profile, probe, signal, timeoutMs, dir, own = true, trim } = request;
  const { video } = probe;
  const unfit = unfitForCopy(probe, profile, trim);
  if (unfit !== undefined || video === null) throw new CopyRefused(unfit ?? 'has no picture');
  const input = { ...request, probe: { ...probe, video } };
  refuseLarge(input);
  refuseUnless(
    !isHeld({ ...input, own }),
    'has sound that is longer than its picture, whose last frame is held',
  );
  const started = performance.now();
  const out = join(dir, 'video.mp4');
  const { packets } = video;
  const length = packets / framesPerSecond(profile.rate);
  const part = partOf(trim, profile.rate);
  const frames = Math.min(part.first + part.frames, packets) - part.first;
  if (trim !== undefined && frames <= 0) throw beyondEnd(trim, length, 'conform');
  if (frames === packets) await remux(ffmpeg, request, video.stream, out);
  else {
    const whole = join(dir, 'whole.mp4');
    await remux(ffmpeg, request, video.stream, whole);
    await copyPart(whole, out, {
      first: part.first,
      frames,
      packets,
      rate: profile.rate,
      signal,
    });
    await rm(whole);
  }
  const header = await checkRemuxed(out, frames, profile, signal);
  const left = timeoutMs - (performance.now() - started);
  const sound = join(dir, 'sound.s16le');
  const { warnings } = await ownSound(ffmpeg, { ...input, out: sound }, { signal, timeoutMs: left });
  const samples = samplesOf(frames, profile.rate);
  await cutSound(sound, samples);
  return { header, frames, samples, warnings: [...warnings, ...trimWarnings(trim, length)] };
}

async function remux(
  ffmpeg: Ffmpeg,
  { file, dir, profile, timeoutMs, signal }: CopyRequest,
  stream: number,
  out: string,
): Promise<void> {
  const args = remuxArguments(file, stream, timescale(profile.rate), out);
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
