import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createFfmpeg, type Ffmpeg } from '../../functions/media/ffmpeg.ts';
import { type Colour, drawText, gradient } from './bitmap-font.ts';
import { MUSIC_RATE, sampleMusic } from './sample-music.ts';

/** File paths, absolute if `dir` is absolute. */
export interface SampleClips {
  hooks: string[];
  bodies: string[];
  ctas: string[];
  tracks: string[];
}

const WIDTH = 720;
const HEIGHT = 1280;
const WHITE: Colour = [255, 255, 255];
const LIMITS = { timeoutMs: 60_000, memoryMb: 1024, fileMb: 64 };
const BT709 = [
  '-colorspace',
  'bt709',
  '-color_primaries',
  'bt709',
  '-color_trc',
  'bt709',
  '-color_range',
  'tv',
];

interface Look {
  word: string;
  number: string;
  top: Colour;
  bottom: Colour;
  seconds: number;
  /** Pitch of the clip's own sound. */
  hertz: number;
}

/** Clips that differ in colour and length, so that a viewer sees their order and the cuts. */
const HOOKS: readonly Look[] = [
  { word: 'HOOK', number: '1', top: [232, 62, 76], bottom: [150, 20, 60], seconds: 2.2, hertz: 262 },
  { word: 'HOOK', number: '2', top: [250, 150, 30], bottom: [200, 80, 10], seconds: 2.6, hertz: 294 },
];
const BODIES: readonly Look[] = [
  { word: 'BODY', number: '1', top: [40, 110, 230], bottom: [20, 40, 130], seconds: 3, hertz: 330 },
  { word: 'BODY', number: '2', top: [20, 165, 165], bottom: [5, 85, 105], seconds: 2.8, hertz: 349 },
];
const CTAS: readonly Look[] = [
  { word: 'CTA', number: '1', top: [60, 175, 75], bottom: [15, 95, 45], seconds: 2, hertz: 392 },
  { word: 'CTA', number: '2', top: [150, 70, 220], bottom: [75, 25, 130], seconds: 2.4, hertz: 440 },
];

/**
 * Generates two hooks, two bodies, two calls to action and two pieces of music in `dir`.
 * @param options.ffmpeg path of the ffmpeg to use
 */
export async function makeSampleClips(options: {
  ffmpeg: string;
  dir: string;
  signal?: AbortSignal;
}): Promise<SampleClips> {
  const { dir, signal = new AbortController().signal } = options;
  await mkdir(dir, { recursive: true });
  await using ffmpeg = createFfmpeg({ path: options.ffmpeg });
  const clipsOf = (looks: readonly Look[]) =>
    Promise.all(looks.map((look) => makeClip(ffmpeg, dir, look, signal)));
  const [hooks, bodies, ctas, tracks] = await Promise.all([
    clipsOf(HOOKS),
    clipsOf(BODIES),
    clipsOf(CTAS),
    makeTracks(ffmpeg, dir, signal),
  ]);
  return { hooks, bodies, ctas, tracks };
}

async function makeClip(ffmpeg: Ffmpeg, dir: string, look: Look, signal: AbortSignal): Promise<string> {
  const name = `${look.word.toLowerCase()}-${look.number}`;
  const still = join(dir, `${name}.rgb`);
  const clip = join(dir, `${name}.mp4`);
  const picture = gradient(WIDTH, HEIGHT, look.top, look.bottom);
  drawText(picture, look.word, { top: 200 }, look.word.length > 3 ? 26 : 32, WHITE);
  drawText(picture, look.number, { top: 500 }, 60, WHITE);
  await writeFile(still, picture.pixels);
  await ffmpeg.run(clipArguments(still, clip, look), { signal, ...LIMITS });
  await rm(still);
  return clip;
}

/**
 * A still with a bar that fills from the left as the clip plays, a box that crosses it three times, and a soft tone.
 */
function clipArguments(still: string, clip: string, { seconds, hertz }: Look): string[] {
  const bar = `overlay=x='-w+w*t/${seconds}':y=H-60`;
  const box = `overlay=x='(W-w)*abs(mod(3*t/${seconds}+1,2)-1)':y=1010`;
  // Without a tag, or with ffmpeg's default of BT.601, programs would show the colours shifted.
  const toBt709 = 'scale=out_color_matrix=bt709:out_range=tv,format=yuv420p';
  const graph = `[0:v]${toBt709},loop=loop=-1:size=1[still];[still][1:v]${bar}[barred];[barred][2:v]${box}[v]`;
  return [
    ...['-v', 'error', '-f', 'rawvideo', '-pixel_format', 'rgb24', '-video_size', `${WIDTH}x${HEIGHT}`],
    ...['-framerate', '30', '-i', still],
    ...[
      '-f',
      'lavfi',
      '-i',
      `color=white:s=${WIDTH}x60:r=30`,
      '-f',
      'lavfi',
      '-i',
      'color=white:s=110x110:r=30',
    ],
    ...['-f', 'lavfi', '-i', `sine=frequency=${hertz}:sample_rate=48000`],
    ...['-filter_complex', `${graph};[3:a]volume=0.5,afade=t=out:st=${seconds - 0.2}:d=0.2[a]`],
    ...['-map', '[v]', '-map', '[a]', '-t', String(seconds)],
    ...[
      '-c:v',
      'libx264',
      '-preset',
      'veryfast',
      '-crf',
      '23',
      ...BT709,
      '-c:a',
      'aac',
      '-b:a',
      '96k',
      '-ac',
      '2',
    ],
    ...['-movflags', '+faststart', '-y', clip],
  ];
}

async function makeTracks(ffmpeg: Ffmpeg, dir: string, signal: AbortSignal): Promise<string[]> {
  const { calm, bright } = sampleMusic();
  return await Promise.all([
    makeTrack(ffmpeg, calm, join(dir, 'calm.mp3'), ['-c:a', 'libmp3lame', '-b:a', '128k'], signal),
    makeTrack(ffmpeg, bright, join(dir, 'bright.m4a'), ['-c:a', 'aac', '-b:a', '128k'], signal),
  ]);
}

async function makeTrack(
  ffmpeg: Ffmpeg,
  samples: Int16Array,
  track: string,
  encoder: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const raw = `${track}.raw`;
  await writeFile(raw, samples);
  const input = ['-v', 'error', '-f', 's16le', '-ar', String(MUSIC_RATE), '-ac', '1', '-i', raw];
  await ffmpeg.run([...input, ...encoder, '-y', track], { signal, ...LIMITS });
  await rm(raw);
  return track;
}
