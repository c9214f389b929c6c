/** One combination: its clips joined by copying, and the only encoding there is, that of its sound. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PermanentError } from '../errors.ts';
import { type FrameRate, framesPerSecond, SAMPLE_RATE, samplesOf } from '../task/frame-rate.ts';
import type { Ffmpeg } from './ffmpeg.ts';
import { permanentFrom } from './ffmpeg-error.ts';
import { type MixSound, soundGraph } from './mix-graph.ts';
import { readVideoTrack } from './mp4-boxes.ts';
import { timescale } from './profile.ts';
import { pcmInput } from './sound.ts';

export type { MixSound } from './mix-graph.ts';

export interface MixClip {
  /** Absolute paths of what conforming made. */
  video: string;
  sound: string;
  frames: number;
}

export interface MixInput {
  clips: readonly MixClip[];
  rate: FrameRate;
  music?: MixSound;
  voice?: MixSound;
  /** 0 to 1: volume of the clips' own sound. */
  originalVolume: number;
  /** Bring the music down while the voice speaks. */
  duck: boolean;
  /** The video to make. */
  out: string;
  /** Existing private folder for what is needed on the way. */
  dir: string;
}

export interface Mixed {
  frames: number;
  /** Length of the picture; the sound ends within one AAC frame of it. */
  seconds: number;
  warnings: string[];
}

/** Below it, encoded peaks of saturated sound exceed -1 dBTP now and then; above it, nothing is gained. */
const AUDIO_BITRATE = '192k';
/** In `dir`: the clips, for the concat demuxer. */
export const MIX_LIST = 'clips.ffconcat';

export function mixArguments(input: MixInput): string[] {
  const { clips, rate, music, voice, originalVolume, duck } = input;
  const total = samplesOf(framesOf(clips), rate);
  const own = originalVolume > 0 ? clips.map(({ sound }) => pcmInput(sound)) : [];
  const musicInput = music === undefined ? [] : [looped(music, total)];
  const voiceInput = voice === undefined ? [] : [pcmInput(voice.file)];
  const graph = soundGraph({
    total,
    own: own.map((_, at) => 1 + at),
    originalVolume,
    music: music && { ...music, input: 1 + own.length },
    voice: voice && { ...voice, input: 1 + own.length + musicInput.length },
    duck,
  });
  const ticks = String(timescale(rate));
  return [
    ...['-v', 'warning', '-y'],
    ...['-f', 'concat', '-safe', '0', '-i', `file:${join(input.dir, MIX_LIST)}`],
    ...[...own, ...musicInput, ...voiceInput].flat(),
    ...['-filter_complex_threads', '1', '-filter_complex', graph],
    ...['-map', '0:v:0', '-map', '[a]', '-c:v', 'copy', '-c:a', 'aac', '-b:a', AUDIO_BITRATE],
    ...['-video_track_timescale', ticks, '-movie_timescale', ticks],
    ...['-map_metadata', '-1', '-map_chapters', '-1', '-fflags', '+bitexact', '-flags:a', '+bitexact'],
    ...['-movflags', '+faststart', '-f', 'mp4', `file:${input.out}`],
  ];
}

/**
 * Makes one combination. Throws PermanentError 'mix_failed' where its clips cannot follow each other or the result
 * does not have all their frames.
 */
export async function mixCombination(
  ffmpeg: Ffmpeg,
  { signal, timeoutMs, ...input }: MixInput & { signal: AbortSignal; timeoutMs: number },
): Promise<Mixed> {
  const { clips, rate, voice } = input;
  await refuseUnequal(clips);
  await writeFile(join(input.dir, MIX_LIST), concatList(clips.map(({ video }) => video)));
  await ffmpeg.run(mixArguments(input), { signal, timeoutMs }).catch((error: unknown) => {
    throw permanentFrom(error, 'mix_failed', 'mix', {
      expected: 'the combination to be mixed',
      next: 'Post it again.',
    });
  });
  const frames = framesOf(clips);
  // ffmpeg 7 does not count copied frames in -progress; the file itself does.
  const made = await readVideoTrack(input.out);
  if (made.frames !== frames || made.frameTicks === null) {
    throw failed(`${frames} frames of equal length, got ${made.frames}`);
  }
  const seconds = frames / framesPerSecond(rate);
  return { frames, seconds, warnings: voice === undefined ? [] : tooLong(voice, seconds) };
}

/** For the concat demuxer; within single quotes only the quote itself is special (ffmpeg-utils, "Quoting"). */
export function concatList(files: readonly string[]): string {
  const lines = files.map((file) => `file 'file:${file.replaceAll("'", String.raw`'\''`)}'`);
  return ['ffconcat version 1.0', ...lines, ''].join('\n');
}

function framesOf(clips: readonly MixClip[]): number {
  return clips.reduce((sum, { frames }) => sum + frames, 0);
}

/** Raw sound repeats without a gap, which no compressed file does. */
function looped(music: MixSound, total: number): string[] {
  return [...(music.samples < total ? ['-stream_loop', '-1'] : []), ...pcmInput(music.file)];
}

/** Copied frames are decoded with the header of the first clip: another one's would show as rubbish, not as an error. */
async function refuseUnequal(clips: readonly MixClip[]): Promise<void> {
  const files = [...new Set(clips.map(({ video }) => video))];
  const tracks = await Promise.all(files.map(readVideoTrack));
  const headers = new Set(tracks.map(({ avcC, timescale }) => `${avcC} ${timescale}`));
  if (headers.size > 1) throw failed(`clips of one profile, got ${headers.size} kinds`);
}

function tooLong(voice: MixSound, seconds: number): string[] {
  const spoken = voice.samples / SAMPLE_RATE;
  if (spoken <= seconds) return [];
  return [
    `The voice-over lasts ${spoken.toFixed(1)} s and the video ${seconds.toFixed(1)} s: it is faded out at the video's end. ` +
      'Shorten the text, or send longer clips.',
  ];
}

function failed(expected: string): PermanentError {
  return new PermanentError('mix_failed', 'mix', `Expected ${expected}. Post it again.`);
}
