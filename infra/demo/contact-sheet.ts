/** One picture of what the demo made: each video as a strip of frames, one of each clip in it, with its file name. */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Ffmpeg } from '../../functions/media/ffmpeg.ts';
import type { RenderView } from '../../functions/model/answers/render.ts';
import { type Colour, drawText, gradient, hasGlyphs, type Picture } from '../media/bitmap-font.ts';

/** A finished video, as far as the sheet shows it. */
export interface Tile {
  path: string;
  name: string;
  seconds: number;
  /** How many clips it was joined from. */
  clips: number;
}

const FILE_NAME = 'contact-sheet.jpg';
const MOST_TILES = 8;
const COLUMNS = 4;
const FRAMES = 3;
/** Of one frame of a strip, in pixels: 9:16, as most of such videos are. */
const FRAME_WIDTH = 144;
const FRAME_HEIGHT = 256;
const FRAME_GAP = 3;
const STRIP_WIDTH = FRAMES * FRAME_WIDTH + (FRAMES - 1) * FRAME_GAP;
const MARGIN = 28;
const TEXT_SCALE = 3;
/** Letters that fit below a strip: "0001-hook-1-body-1-cta-1", each 6 squares wide. */
const LINE_LENGTH = 24;
const LINES = 2;
const LINE_HEIGHT = 11 * TEXT_SCALE;
const TEXT_GAP = 14;
const TILE_HEIGHT = FRAME_HEIGHT + TEXT_GAP + LINES * LINE_HEIGHT;
const BACKGROUND: Colour = [22, 24, 29];
const INK: Colour = [236, 238, 242];
/** Of mjpeg, 2 is best: text stays sharp, and eight strips are about 150 KB. */
const QUALITY = '4';
const LIMITS = { timeoutMs: 20_000, memoryMb: 512, fileMb: 16 };

/** Up to eight of the finished videos that are on this machine, in their order. */
export function tilesOf(renders: readonly RenderView[]): Tile[] {
  return renders
    .flatMap(({ status, url, file_name, duration_seconds, clips }) => {
      if (status !== 'succeeded' || !url?.startsWith('file:') || duration_seconds === null) return [];
      const path = fileURLToPath(url);
      return existsSync(path)
        ? [{ path, name: file_name, seconds: duration_seconds, clips: clips.length }]
        : [];
    })
    .slice(0, MOST_TILES);
}

/**
 * Writes contact-sheet.jpg into `folder`, in place of an earlier one, and returns its path.
 * @throws what `ffmpeg.run` throws, for instance for a video that cannot be read
 */
export async function makeContactSheet(options: {
  ffmpeg: Ffmpeg;
  tiles: readonly Tile[];
  folder: string;
  signal: AbortSignal;
}): Promise<string> {
  const { ffmpeg, tiles, folder, signal } = options;
  if (tiles.length === 0)
    throw new Error('Expected at least one finished video for a contact sheet, got none.');
  const work = await mkdtemp(join(folder, '.contact-sheet-'));
  try {
    const picture = labelled(tiles);
    for (const [number, tile] of tiles.entries()) {
      const { left, top } = placeOf(number);
      for (const [at, seconds] of momentsOf(tile).entries()) {
        const frame = join(work, 'frame.rgb');
        await ffmpeg.run(frameArguments(tile.path, seconds, frame), { signal, ...LIMITS });
        paste(picture, await readFile(frame), left + at * (FRAME_WIDTH + FRAME_GAP), top);
      }
    }
    const pixels = join(work, 'sheet.rgb');
    const unfinished = join(work, FILE_NAME);
    await writeFile(pixels, picture.pixels);
    await ffmpeg.run(sheetArguments(picture, pixels, unfinished), { signal, ...LIMITS });
    const sheet = join(folder, FILE_NAME);
    await rename(unfinished, sheet);
    return sheet;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** The sheet without its frames: background and names. */
function labelled(tiles: readonly Tile[]): Picture {
  const columns = Math.min(COLUMNS, tiles.length);
  const rows = Math.ceil(tiles.length / columns);
  const width = columns * (STRIP_WIDTH + MARGIN) + MARGIN;
  const height = rows * (TILE_HEIGHT + MARGIN) + MARGIN;
  const picture = gradient(width, height, BACKGROUND, BACKGROUND);
  for (const [number, { name }] of tiles.entries()) {
    const { left, top } = placeOf(number);
    for (const [line, text] of linesOf(name).entries()) {
      const at = { left, top: top + FRAME_HEIGHT + TEXT_GAP + line * LINE_HEIGHT };
      drawText(picture, text, at, TEXT_SCALE, INK);
    }
  }
  return picture;
}

/** A name as two lines at most, broken before a hyphen where there is one; what the font lacks becomes `_`. */
export function linesOf(name: string): string[] {
  const text = [...name].map((letter) => (hasGlyphs(letter) ? letter : '_')).join('');
  if (text.length <= LINE_LENGTH) return [text];
  const hyphen = text.lastIndexOf('-', LINE_LENGTH);
  const end = hyphen > LINE_LENGTH / 2 ? hyphen : LINE_LENGTH;
  const rest = text.slice(end);
  // The end of a name tells the videos of two tasks apart.
  return [text.slice(0, end), rest.length <= LINE_LENGTH ? rest : `..${rest.slice(2 - LINE_LENGTH)}`];
}

/** One frame, cut to the shape of a tile, as rgb24. */
function frameArguments(video: string, seconds: number, target: string): string[] {
  const size = `${FRAME_WIDTH}:${FRAME_HEIGHT}`;
  return [
    // One thread: more of them would decode ahead, for a single picture.
    ...['-v', 'error', '-threads', '1', '-ss', seconds.toFixed(3), '-i', video, '-frames:v', '1'],
    ...['-vf', `scale=${size}:force_original_aspect_ratio=increase:flags=area,crop=${size}`],
    ...['-pix_fmt', 'rgb24', '-f', 'rawvideo', '-y', target],
  ];
}

function sheetArguments({ width, height }: Picture, pixels: string, target: string): string[] {
  return [
    ...['-v', 'error', '-f', 'rawvideo', '-pixel_format', 'rgb24', '-video_size', `${width}x${height}`],
    ...['-i', pixels, '-frames:v', '1', '-pix_fmt', 'yuvj444p', '-c:v', 'mjpeg', '-q:v', QUALITY],
    ...['-f', 'image2', '-update', '1', '-y', target],
  ];
}

/** Copies a frame into the picture, row by row. */
function paste(picture: Picture, frame: Uint8Array, left: number, top: number): void {
  const rowBytes = FRAME_WIDTH * 3;
  if (frame.length !== rowBytes * FRAME_HEIGHT)
    throw new Error(`Expected a frame of ${rowBytes * FRAME_HEIGHT} bytes, got ${frame.length}.`);
  for (let row = 0; row < FRAME_HEIGHT; row++) {
    const line = frame.subarray(row * rowBytes, (row + 1) * rowBytes);
    picture.pixels.set(line, ((top + row) * picture.width + left) * 3);
  }
}

/** The middle of each clip if all were of one length, so that every clip is seen; three at most, spread over the video. */
function momentsOf({ seconds, clips }: Tile): number[] {
  const shown = Math.min(FRAMES, Math.max(1, clips));
  return Array.from({ length: shown }, (_, at) => (seconds * (at + 0.5)) / shown);
}

function placeOf(number: number): { left: number; top: number } {
  const column = number % COLUMNS;
  const row = Math.floor(number / COLUMNS);
  return { left: MARGIN + column * (STRIP_WIDTH + MARGIN), top: MARGIN + row * (TILE_HEIGHT + MARGIN) };
}
