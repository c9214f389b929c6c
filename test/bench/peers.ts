/**
 * The command lines that others run for each combination, written from what their sources say, so that the same clips can be
 * measured in the same run. None of their code is here.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { framesPerSecond } from '../../functions/model/frame-rate.ts';
import { runMeasured, type Spent, spentOf } from './ffmpeg-run.ts';
import type { GraphInput } from './filter-graph.ts';

/** Makes one video and says what it took. */
export type MakeVideo = (
  ffmpeg: string,
  input: GraphInput,
  dir: string,
) => Promise<Pick<Spent, 'cpuSeconds' | 'wallSeconds'>>;

export interface PeerTool {
  name: string;
  make: MakeVideo;
}

export const PEER_TOOLS: readonly PeerTool[] = [
  {
    name: 'AdBlitz 1.2.1: its ffmpeg command',
    make: (ffmpeg, input, dir) => runMeasured(ffmpeg, adblitzArguments(input), dir),
  },
  { name: 'MoviePy 2: only what its ffmpegs do', make: moviePy },
];

/**
 * github.com/GOBUILDFAST/adblitz, bin/adblitz.js at 235bbda: everything is scaled, padded and encoded anew for each
 * combination. It knows no spoken line, so there is none here.
 */
export function adblitzArguments({ clips, music, profile, out }: GraphInput): string[] {
  const { width, height } = profile;
  const sound = 'aresample=44100,aformat=sample_fmts=fltp:channel_layouts=stereo';
  const scaled =
    `scale=${width}:${height}:force_original_aspect_ratio=decrease,` +
    `pad=${width}:${height}:(ow-iw)/2:(oh-ih)/2:black,setsar=1,fps=30`;
  const graph = [
    ...clips.flatMap((_, at) => [`[${at}:v]${scaled}[v${at}]`, `[${at}:a]${sound}[a${at}]`]),
    `${clips.map((_, at) => `[v${at}][a${at}]`).join('')}concat=n=${clips.length}:v=1:a=1[v][own]`,
    `[${clips.length}:a]${sound},volume=0.3[music]`,
    '[own][music]amix=inputs=2:duration=first:dropout_transition=2[a]',
  ];
  return [
    ...['-y', ...clips.flatMap((clip) => ['-i', clip]), '-i', music],
    ...['-filter_complex', graph.join(';'), '-map', '[v]', '-map', '[a]'],
    ...['-c:v', 'libx264', '-preset', 'fast', '-crf', '23', '-c:a', 'aac', '-b:a', '128k'],
    ...['-movflags', '+faststart', out],
  ];
}

/**
 * github.com/Zulko/moviepy, moviepy/video/io/ffmpeg_reader.py and ffmpeg_writer.py, with `threads=1, preset="ultrafast"`: one
 * ffmpeg turns pictures into RGB, another takes them through a pipe. MoviePy copies each of them in Python between the two,
 * for which nothing is counted here, so it takes longer than this.
 */
async function moviePy(ffmpeg: string, input: GraphInput, dir: string): ReturnType<MakeVideo> {
  const began = performance.now();
  const [decode, encode] = moviePyArguments(input);
  const common = ['-nostdin', '-hide_banner', '-nostats', '-benchmark'];
  const reader = spawn(ffmpeg, [...common, ...decode], {
    env: {},
    cwd: dir,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const writer = spawn(ffmpeg, [...common.slice(1), ...encode], {
    env: {},
    cwd: dir,
    stdio: [reader.stdout, 'ignore', 'pipe'],
  });
  const both = await Promise.all(
    [reader, writer].map(async (child) => {
      const [said, [code]] = await Promise.all([
        text(child.stderr as NodeJS.ReadableStream),
        once(child, 'exit'),
      ]);
      if (code !== 0) throw new Error(`Expected ffmpeg to make a video, got ${code}: ${said.slice(-500)}`);
      return spentOf(said).cpuSeconds;
    }),
  );
  return {
    cpuSeconds: both.reduce((sum, one) => sum + one, 0),
    wallSeconds: (performance.now() - began) / 1000,
  };
}

/** Of the ffmpeg that reads and of the one that writes. */
export function moviePyArguments(input: GraphInput): [decode: string[], encode: string[]] {
  const { clips, music, voice, profile, seconds, out } = input;
  const size = `${profile.width}x${profile.height}`;
  const rate = framesPerSecond(profile.rate).toFixed(2);
  const raw = ['-f', 'rawvideo', '-pix_fmt', 'rgb24'];
  // Its clips must be of one size already; there is no scaling to be counted.
  const joined = `${clips.map((_, at) => `[${at}:v]`).join('')}concat=n=${clips.length}:v=1:a=0[v]`;
  const sound = '[1:a]volume=0.2[music];[music][2:a]amix=inputs=2:duration=first:normalize=0[a]';
  return [
    [
      ...clips.flatMap((clip) => ['-i', clip]),
      '-filter_complex',
      joined,
      '-map',
      '[v]',
      '-r',
      rate,
      ...raw,
      'pipe:1',
    ],
    [
      ...['-y', ...raw, '-s', size, '-r', rate, '-i', 'pipe:0', '-stream_loop', '-1', '-i', music],
      ...['-f', 's16le', '-ar', '48000', '-ac', '2', '-i', voice, '-filter_complex', sound],
      ...['-map', '0:v', '-map', '[a]', '-t', String(seconds), '-c:v', 'libx264', '-preset', 'ultrafast'],
      ...['-threads', '1', '-pix_fmt', 'yuv420p', '-c:a', 'aac', out],
    ],
  ];
}
