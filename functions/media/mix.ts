/** Makes one combination: joins its clips by copying, so that only the sound is encoded. */
import { stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PermanentError } from '../base/errors.ts';
import { type FrameRate, framesPerSecond, SAMPLE_RATE, samplesOf } from '../model/frame-rate.ts';
import { allowing } from './allow-list.ts';
import type { RunFiles } from './cage.ts';
import type { Ffmpeg } from './ffmpeg.ts';
import { permanentFrom } from './ffmpeg-error.ts';
import { measureTruePeak, readMeter, type SoundLevels } from './loudness.ts';
import { type MixSound, soundGraph } from './mix-graph.ts';
import { readVideoTrack } from './mp4/boxes.ts';
import { timescale } from './profile.ts';
import { pcmInput } from './sound.ts';

export type { MixSound } from './mix-graph.ts';

export interface MixClip {
  /** Absolute paths of the conformed files. */
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
  /** Whether to lower the music while the voice speaks. */
  duck: boolean;
  /** When the voice begins, in seconds from the start; 0 if absent. */
  voiceOffsetSeconds?: number;
  /** Path of the video to make. */
  out: string;
  /** Existing private folder for intermediate files. */
  dir: string;
}

export interface Mixed {
  frames: number;
  /** Length of the picture. The sound ends within one AAC frame of it. */
  seconds: number;
  /** Integrated loudness by EBU R128, in LUFS; null for silence. */
  loudness: number | null;
  /** Highest peak between the samples, dBTP; null for silence. */
  truePeak: number | null;
  warnings: string[];
}

/**
 * The fast coder without noise substitution, joint stereo and noise shaping takes half the time of the default (twoloop),
 * has 2-14 dB less error in every band at this bit rate, and keeps peaks near those of the source.
 */
const AAC = '-c:a aac -b:a 192k -aac_coder fast -aac_pns 0 -aac_is 0 -aac_tns 0'.split(' ');
/** -3.1 dBFS. Peaks stay below -1.5 dBTP up to -8 LUFS, which only the clips' own sound can exceed. */
const LIMIT = 0.7;
const HIGHEST_PEAK_DBTP = -1;
/** Encoded peaks follow the limit only roughly, and differ from run to run: each further try leaves more room. */
const PEAK_MARGIN_DB = 0.3;
const PEAK_TRIES = 5;
/** Ten clips with music and a voice take 120 MB. */
export const MIX_MEMORY_MB = 512;
/** Twice 192 kbit/s, for rounding, the index and excess of the coder. */
const SOUND_MB_PER_SECOND = 0.05;
/** Name of the list of clips in `dir`, for the concat demuxer. */
export const MIX_LIST = 'clips.ffconcat';

/** @param limit highest sample value before encoding, 0 to 1 */
export function mixArguments(input: MixInput, limit: number = LIMIT): string[] {
  const { clips, rate, music, voice, originalVolume, duck, voiceOffsetSeconds = 0 } = input;
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
    voiceOffset: Math.round(voiceOffsetSeconds * SAMPLE_RATE),
    duck,
    limit,
  });
  const ticks = String(timescale(rate));
  return [
    // The meter at the end of the graph prints at level info.
    ...['-v', 'info', '-nostats', '-y'],
    // Also applies to the clips in the list, so that their content does not choose the demuxer.
    ...allowing({ demuxers: ['concat', 'mov'], decoders: ['h264'] }),
    ...['-f', 'concat', '-safe', '0', '-i', `file:${join(input.dir, MIX_LIST)}`],
    ...[...own, ...musicInput, ...voiceInput].flat(),
    ...['-filter_complex_threads', '1', '-filter_complex', graph],
    ...['-map', '0:v:0', '-map', '[a]', '-c:v', 'copy', ...AAC],
    ...['-video_track_timescale', ticks, '-movie_timescale', ticks],
    ...['-map_metadata', '-1', '-map_chapters', '-1', '-fflags', '+bitexact', '-flags:a', '+bitexact'],
    ...['-movflags', '+faststart', '-f', 'mp4', `file:${input.out}`],
  ];
}

/**
 * Makes one combination. Throws PermanentError 'mix_failed' if its clips cannot be joined or the result does not have
 * all their frames.
 */
export async function mixCombination(
  ffmpeg: Ffmpeg,
  { signal, timeoutMs, ...input }: MixInput & { signal: AbortSignal; timeoutMs: number },
): Promise<Mixed> {
  const { clips, rate, originalVolume, out } = input;
  await refuseUnequal(clips);
  await writeFile(join(input.dir, MIX_LIST), concatList(clips.map(({ video }) => video)));
  const limits = { timeoutMs, memoryMb: MIX_MEMORY_MB, fileMb: await fileMbOf(input) };
  let limit = LIMIT;
  let levels: SoundLevels;
  for (let tries = 1; ; tries++) {
    const { stderr } = await encoded(
      ffmpeg.run(mixArguments(input, limit), { signal, ...limits, ...filesOf(input) }),
    );
    levels = readMeter(stderr);
    // Music and voice have a set loudness. Only the clips' own sound can be loud enough to need another try.
    if (originalVolume === 0) break;
    levels.truePeak = await encoded(measureTruePeak(ffmpeg, out, { signal, timeoutMs }));
    if (tries === PEAK_TRIES || levels.truePeak === null || levels.truePeak <= HIGHEST_PEAK_DBTP) break;
    limit *= 10 ** ((HIGHEST_PEAK_DBTP - tries * PEAK_MARGIN_DB - levels.truePeak) / 20);
  }
  const frames = framesOf(clips);
  // ffmpeg 7 does not count copied frames in -progress, so they are counted in the file.
  const made = await readVideoTrack(out);
  if (made.frames !== frames || made.frameTicks === null) {
    throw failed(`${frames} frames of equal length, got ${made.frames}`);
  }
  const seconds = frames / framesPerSecond(rate);
  return { frames, seconds, ...levels, warnings: voiceWarnings(input, seconds) };
}

/** Size limit of the video: its clips, its sound and an index as long as theirs. */
async function fileMbOf({ clips, rate }: MixInput): Promise<number> {
  const sizes = await Promise.all(clips.map(async ({ video }) => (await stat(video)).size / 2 ** 20));
  const seconds = framesOf(clips) / framesPerSecond(rate);
  return Math.ceil(1.1 * sizes.reduce((sum, size) => sum + size, 0) + seconds * SOUND_MB_PER_SECOND) + 2;
}

function filesOf({ clips, music, voice, originalVolume, out, dir }: MixInput): RunFiles {
  const sounds = [music, voice].flatMap((sound) => (sound === undefined ? [] : [sound.file]));
  const own = clips.flatMap(({ video, sound }) => (originalVolume > 0 ? [video, sound] : [video]));
  return { reads: [join(dir, MIX_LIST), ...own, ...sounds], writes: dirname(out) };
}

async function encoded<T>(run: Promise<T>): Promise<T> {
  return run.catch((error: unknown) => {
    throw permanentFrom(error, 'mix_failed', 'mix', {
      expected: 'clips and sounds that can be mixed',
      next: 'Retry the task.',
    });
  });
}

/** For the concat demuxer. Within single quotes only the quote itself is special (ffmpeg-utils, "Quoting"). */
export function concatList(files: readonly string[]): string {
  const lines = files.map((file) => `file 'file:${file.replaceAll("'", String.raw`'\''`)}'`);
  return ['ffconcat version 1.0', ...lines, ''].join('\n');
}

function framesOf(clips: readonly MixClip[]): number {
  return clips.reduce((sum, { frames }) => sum + frames, 0);
}

/** Raw sound repeats without a gap. Compressed sound does not. */
function looped(music: MixSound, total: number): string[] {
  return [...(music.samples < total ? ['-stream_loop', '-1'] : []), ...pcmInput(music.file)];
}

/** Copied frames are decoded with the header of the first clip. With another header they show as garbage, without an error. */
async function refuseUnequal(clips: readonly MixClip[]): Promise<void> {
  const files = [...new Set(clips.map(({ video }) => video))];
  const tracks = await Promise.all(files.map(readVideoTrack));
  const headers = new Set(tracks.map(({ avcC, timescale }) => `${avcC} ${timescale}`));
  if (headers.size > 1) throw failed(`clips of one profile, got ${headers.size} kinds`);
}

/** Warns if the video ends before the voice does. */
function voiceWarnings({ voice, voiceOffsetSeconds = 0 }: MixInput, seconds: number): string[] {
  if (voice === undefined) return [];
  const start = voiceOffsetSeconds > 0 ? `begins at ${voiceOffsetSeconds.toFixed(1)} s and ` : '';
  const spoken = voice.samples / SAMPLE_RATE;
  if (voiceOffsetSeconds >= seconds) {
    return [
      `The voice-over begins at ${voiceOffsetSeconds.toFixed(1)} s but the video lasts only ${seconds.toFixed(1)} s, so it is not heard. ` +
        'Lower audio.voice_offset_seconds, or send longer clips.',
    ];
  }
  if (voiceOffsetSeconds + spoken <= seconds) return [];
  return [
    `The voice-over ${start}lasts ${spoken.toFixed(1)} s but the video only ${seconds.toFixed(1)} s, so it fades out at the end. ` +
      'Shorten the text, or send longer clips.',
  ];
}

function failed(expected: string): PermanentError {
  return new PermanentError('mix_failed', 'mix', `Expected ${expected}. Retry the task.`);
}
