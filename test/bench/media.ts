/** Makes clips that are about as hard to encode as footage from a phone, or takes those of a folder. */
import { readdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import pLimit from 'p-limit';
import { runFfmpeg } from './ffmpeg-run.ts';

export interface BenchMedia {
  /** Three blocks of three. */
  blocks: string[][];
  /** Every clip once. */
  clips: string[];
  tracks: string[];
  /** Description for the head of the table. */
  about: string;
}

const BLOCKS = 3;
const BLOCK_SIZE = 3;
const MOST_CLIPS = BLOCKS * BLOCK_SIZE;
const CLIP_SECONDS = 7;
/** Width and height. */
export const SIZE = '1080x1920';
const MUSIC_SECONDS = 30;

/** The first nine .mp4 and all .mp3 of a folder. Between three and eight clips are used in several blocks. */
export async function mediaOf(folder: string): Promise<BenchMedia> {
  const files = (await readdir(folder)).toSorted().map((name) => resolve(folder, name));
  const clips = files.filter((file) => file.endsWith('.mp4')).slice(0, MOST_CLIPS);
  const tracks = files.filter((file) => file.endsWith('.mp3'));
  if (clips.length < BLOCK_SIZE || tracks.length === 0) {
    throw new Error(
      `Expected ${BLOCK_SIZE} .mp4 or more and an .mp3 in ${folder}, got ${clips.length} and ${tracks.length}`,
    );
  }
  return { blocks: inBlocks(clips), clips, tracks, about: `${clips.length} clips of ${folder}` };
}

/** Nine clips of 7 s, 1080x1920 at 30 frames per second, and a piece of music of 30 s. */
export async function makeMedia(ffmpeg: string, dir: string): Promise<BenchMedia> {
  const [clips, track] = await Promise.all([
    makeClips(ffmpeg, dir, MOST_CLIPS, CLIP_SECONDS),
    makeMusic(ffmpeg, dir),
  ]);
  const about = `${MOST_CLIPS} generated clips of ${CLIP_SECONDS} s, ${SIZE} at 30 (see test/bench/media.ts)`;
  return { blocks: inBlocks(clips), clips, tracks: [track], about };
}

/** So many of those clips, with another length and size. */
export async function makeClips(
  ffmpeg: string,
  dir: string,
  count: number,
  seconds: number,
  size = SIZE,
): Promise<string[]> {
  const limit = pLimit(availableParallelism());
  const clips = Array.from({ length: count }, (_, at) => join(dir, `clip-${at + 1}.mp4`));
  await Promise.all(
    clips.map((clip, at) => limit(() => runFfmpeg(ffmpeg, clipArguments(clip, at, seconds, size)))),
  );
  return clips;
}

export async function makeMusic(ffmpeg: string, dir: string): Promise<string> {
  const track = join(dir, 'music.mp3');
  await runFfmpeg(ffmpeg, musicArguments(track));
  return track;
}

/** The first of those clips, with another length. */
export async function makeHandHeld(ffmpeg: string, clip: string, seconds: number): Promise<void> {
  await runFfmpeg(ffmpeg, clipArguments(clip, 0, seconds));
}

function inBlocks(clips: readonly string[]): string[][] {
  return Array.from({ length: BLOCKS }, (_, block) =>
    Array.from(
      { length: BLOCK_SIZE },
      (_, place) => clips[(block * BLOCK_SIZE + place) % clips.length] as string,
    ),
  );
}

/**
 * A still with detail of every size (part of the Mandelbrot set under a gradient), moved as if filmed by a hand-held
 * camera, with the grain of a sensor. Tuned to match a phone's clips: 11 to 16 Mbit/s as they are, and 11 to 14 when
 * conformed. For comparison, colour bars take 0.03 Mbit/s when conformed, and noise alone 220.
 */
function clipArguments(clip: string, at: number, seconds = CLIP_SECONDS, size = SIZE): string[] {
  // Each clip has another zoom, so that all pictures differ.
  const view = `start_x=-0.743643887:start_y=-0.131825904:start_scale=${0.02 / 1.5 ** at}`;
  const still = `mandelbrot=s=1440x2560:r=1:${view}:maxiter=512`;
  const colours = 'gradients=s=1440x2560:r=1:c0=0xd08050:c1=0x304878:x0=0:y0=0:x1=1440:y1=2560';
  const graph = [
    '[0:v]trim=end_frame=1,format=yuv420p,gblur=1[still]',
    '[1:v]trim=end_frame=1,format=yuv420p[colours]',
    '[still][colours]blend=all_mode=average,format=yuv420p,loop=-1:1,setpts=N/30/TB,fps=30,' +
      // A slow pan and a tremble.
      "crop=1080:1920:x='180+150*sin(t*0.9)+6*sin(t*7)':y='320+280*cos(t*0.7)+6*cos(t*9)'," +
      // The grain has the size of a pixel, whatever the size of the picture.
      (size === SIZE ? '' : `scale=${size.replace('x', ':')},`) +
      'noise=c0s=5:c0f=t[v]',
  ];
  return [
    ...['-v', 'error', '-f', 'lavfi', '-i', still, '-f', 'lavfi', '-i', colours],
    ...['-f', 'lavfi', '-i', `sine=frequency=${220 + 20 * at}:sample_rate=48000`],
    ...['-filter_complex', graph.join(';'), '-map', '[v]', '-map', '2:a', '-t', String(seconds)],
    ...['-c:v', 'libx264', '-preset', 'superfast', '-crf', '23', '-pix_fmt', 'yuv420p'],
    ...['-c:a', 'aac', '-b:a', '128k', '-ac', '2', '-movflags', '+faststart', '-y', clip],
  ];
}

/** Chords that swell and fade over soft noise. */
function musicArguments(track: string): string[] {
  const chord = [220, 277.2, 329.6, 440].map((hertz) => `sin(2*PI*${hertz}*t)`).join('+');
  const source = `aevalsrc='0.12*(0.6+0.4*sin(2*PI*0.5*t))*(${chord})+0.02*(random(0)-0.5)':s=44100:d=${MUSIC_SECONDS}`;
  return [
    ...['-v', 'error', '-f', 'lavfi', '-i', source, '-ac', '2'],
    ...['-c:a', 'libmp3lame', '-b:a', '160k', '-y', track],
  ];
}
