/** Pictures of what was made: each video as a strip of frames, one of each clip in it, with its file name. */
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pLimit from 'p-limit';
import type { Ffmpeg } from '../../functions/media/ffmpeg.ts';
import type { RenderView } from '../../functions/model/answers/render.ts';
import type { Picture } from '../media/bitmap-font.ts';
import { BACKGROUND, FRAMES, type Layout, labelled, layoutFor, paste, placeOf } from './sheet-layout.ts';

/** A finished video, as far as a sheet shows it. */
export interface Tile {
  path: string;
  name: string;
  seconds: number;
  /** How many clips it was joined from. */
  clips: number;
}

/** More take minutes to draw, and nobody looks at them one by one. */
const MOST_TILES = 384;
/** Videos that are looked into at a time: each needs a core. */
const AT_A_TIME = 2;
/** Of mjpeg, 2 is best: text stays sharp, and eight large strips are about 150 KB. */
const QUALITY = '4';
const LIMITS = { timeoutMs: 20_000, memoryMb: 1024, fileMb: 64 };

/** The finished videos that are on this machine, in their order. */
export function tilesOf(renders: readonly RenderView[]): Tile[] {
  return renders.flatMap(({ status, url, file_name, duration_seconds, clips }) => {
    if (status !== 'succeeded' || !url?.startsWith('file:') || duration_seconds === null) return [];
    const path = fileURLToPath(url);
    // The name may begin with the folder of its format.
    const name = basename(file_name);
    return existsSync(path) ? [{ path, name, seconds: duration_seconds, clips: clips.length }] : [];
  });
}

/** As many as the sheets show, spread evenly over all of them. */
export function shownTiles(tiles: readonly Tile[], most = MOST_TILES): readonly Tile[] {
  if (tiles.length <= most) return tiles;
  return Array.from({ length: most }, (_, at) => tiles[Math.floor((at * tiles.length) / most)] as Tile);
}

/**
 * Writes contact-sheet-<id>.jpg into `folder`, and contact-sheet-<id>-2.jpg and so on if there are many tiles, in place of
 * earlier ones of this id. Returns their paths.
 * @throws what `ffmpeg.run` throws, for instance for a video that cannot be read
 */
export async function makeContactSheets(options: {
  ffmpeg: Ffmpeg;
  tiles: readonly Tile[];
  folder: string;
  /** Tells the sheets of tasks with one folder apart, as their manifests are. */
  id: string;
  signal: AbortSignal;
  /** By default that for so many tiles. */
  layout?: Layout;
}): Promise<string[]> {
  const { tiles, folder, id, layout = layoutFor(options.tiles.length) } = options;
  if (tiles.length === 0)
    throw new Error('Expected at least one finished video for a contact sheet, got none.');
  const sheets = Array.from({ length: Math.ceil(tiles.length / layout.tiles) }, (_, at) =>
    tiles.slice(at * layout.tiles, (at + 1) * layout.tiles),
  );
  const work = await mkdtemp(join(folder, '.contact-sheet-'));
  try {
    const paths: string[] = [];
    for (const [at, shown] of sheets.entries()) {
      const name = sheetName(id, at + 1);
      const unfinished = join(work, name);
      await makeSheet({ ...options, tiles: shown, layout, work, target: unfinished });
      const path = join(folder, name);
      await rename(unfinished, path);
      paths.push(path);
    }
    await removeFurther(folder, id, sheets.length);
    return paths;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function makeSheet(options: {
  ffmpeg: Ffmpeg;
  tiles: readonly Tile[];
  layout: Layout;
  work: string;
  target: string;
  signal: AbortSignal;
}): Promise<void> {
  const { ffmpeg, tiles, layout, work, target, signal } = options;
  const names = tiles.map(({ name }) => name);
  const picture = labelled(layout, names);
  const limit = pLimit({ concurrency: AT_A_TIME, rejectOnClear: true });
  const drawn = tiles.map((tile, number) =>
    limit(async () => {
      const file = join(work, `${number}.rgb`);
      await ffmpeg.run(stripArguments(tile, layout, file), { signal, ...LIMITS });
      pasteStrip(picture, await readFile(file), layout, number);
      await rm(file);
    }),
  );
  try {
    await Promise.all(drawn);
  } finally {
    limit.clearQueue();
    await Promise.allSettled(drawn);
  }
  const pixels = join(work, 'sheet.rgb');
  await writeFile(pixels, picture.pixels);
  await ffmpeg.run(sheetArguments(picture, pixels, target), { signal, ...LIMITS });
}

/** Frames one below the other, as rgb24, each fitted into the shape of a tile. */
function stripArguments(tile: Tile, { frame, isExact }: Layout, target: string): string[] {
  const { width, height } = frame;
  const moments = momentsOf(tile);
  const background = `0x${BACKGROUND.map((value) => value.toString(16).padStart(2, '0')).join('')}`;
  const fitted =
    `setpts=PTS-STARTPTS,scale=${width}:${height}:force_original_aspect_ratio=decrease:flags=area,` +
    `pad=${width}:${height}:(ow-iw)/2:(oh-ih)/2:${background},setsar=1,format=rgb24`;
  const frames = moments.map((_, at) => `[${at}:v]${fitted}[f${at}]`);
  const all = moments.map((_, at) => `[f${at}]`).join('');
  const stacked = moments.length === 1 ? `${all}null[s]` : `${all}vstack=inputs=${moments.length}[s]`;
  return [
    ...['-v', 'error'],
    ...moments.flatMap((seconds) => [
      // One thread: more of them would decode ahead, for a single picture.
      ...['-threads', '1', ...(isExact ? [] : ['-skip_frame', 'nokey', '-noaccurate_seek'])],
      ...['-ss', seconds.toFixed(3), '-i', tile.path],
    ]),
    ...['-filter_complex', [...frames, stacked].join(';'), '-map', '[s]', '-frames:v', '1'],
    ...['-pix_fmt', 'rgb24', '-f', 'rawvideo', '-y', target],
  ];
}

function pasteStrip(picture: Picture, strip: Uint8Array, layout: Layout, number: number): void {
  const { width, height } = layout.frame;
  const frameBytes = width * height * 3;
  if (strip.length === 0 || strip.length % frameBytes !== 0)
    throw new Error(`Expected frames of ${frameBytes} bytes, got ${strip.length}.`);
  const { left, top } = placeOf(layout, number);
  for (let at = 0; at < strip.length / frameBytes; at++) {
    const pixels = strip.subarray(at * frameBytes, (at + 1) * frameBytes);
    paste(picture, pixels, layout.frame, { left: left + at * (width + layout.frameGap), top });
  }
}

function sheetArguments({ width, height }: Picture, pixels: string, target: string): string[] {
  return [
    ...['-v', 'error', '-f', 'rawvideo', '-pixel_format', 'rgb24', '-video_size', `${width}x${height}`],
    ...['-i', pixels, '-frames:v', '1', '-pix_fmt', 'yuvj444p', '-c:v', 'mjpeg', '-q:v', QUALITY],
    ...['-f', 'image2', '-update', '1', '-y', target],
  ];
}

/** The middle of each clip if all were of one length, so that every clip is seen; three at most, spread over the video. */
function momentsOf({ seconds, clips }: Tile): number[] {
  const shown = Math.min(FRAMES, Math.max(1, clips));
  return Array.from({ length: shown }, (_, at) => (seconds * (at + 0.5)) / shown);
}

/** Sheets of an earlier run that had more of them. */
async function removeFurther(folder: string, id: string, sheets: number): Promise<void> {
  for (const name of await readdir(folder)) {
    const number = Number(/-(\d+)\.jpg$/.exec(name)?.[1] ?? 0);
    if (number > sheets && name === sheetName(id, number)) await rm(join(folder, name), { force: true });
  }
}

function sheetName(id: string, number: number): string {
  return number === 1 ? `contact-sheet-${id}.jpg` : `contact-sheet-${id}-${number}.jpg`;
}
