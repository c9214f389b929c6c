/** How contact sheets are laid out: large strips for few videos, small ones for many, several sheets for very many. */
import { type Colour, drawText, gradient, type Picture } from '../media/bitmap-font.ts';
import { distinctNames, inLetters } from './sheet-names.ts';

/** Sizes in pixels. */
export interface Layout {
  /** Of one sheet. */
  tiles: number;
  columns: number;
  /** Of one frame of a strip: 9:16, as most of such videos are. */
  frame: { width: number; height: number };
  frameGap: number;
  margin: number;
  textScale: number;
  textGap: number;
  /** Letters that fit below a strip, each 6 squares wide. */
  letters: number;
  /** Whether the very frame of a moment is shown, or the key frame before it, which takes a quarter of the time. */
  isExact: boolean;
}

/** Frames of a strip. */
export const FRAMES = 3;
export const BACKGROUND: Colour = [22, 24, 29];
const INK: Colour = [236, 238, 242];
/** Lines of a name below a strip. */
const LINES = 2;
/** Of a line, in squares of the typeface. */
const LINE_SQUARES = 11;

const LARGE: Layout = {
  tiles: 8,
  columns: 4,
  frame: { width: 144, height: 256 },
  frameGap: 3,
  margin: 28,
  textScale: 3,
  textGap: 14,
  letters: 24,
  isExact: true,
};
const SMALL: Layout = {
  tiles: 96,
  columns: 8,
  frame: { width: 72, height: 128 },
  frameGap: 2,
  margin: 16,
  textScale: 2,
  textGap: 8,
  letters: 18,
  isExact: false,
};

export function layoutFor(videos: number): Layout {
  return videos <= LARGE.tiles ? LARGE : SMALL;
}

/** The upper left corner of a strip, by its number on the sheet. */
export function placeOf(layout: Layout, number: number): { left: number; top: number } {
  const { columns, margin } = layout;
  const column = number % columns;
  const row = Math.floor(number / columns);
  return {
    left: margin + column * (stripWidth(layout) + margin),
    top: margin + row * (tileHeight(layout) + margin),
  };
}

/** A sheet without its frames: background and names. */
export function labelled(layout: Layout, names: readonly string[]): Picture {
  const { margin, frame, textGap, textScale, letters } = layout;
  const columns = Math.min(layout.columns, names.length);
  const rows = Math.ceil(names.length / columns);
  const width = columns * (stripWidth(layout) + margin) + margin;
  const height = rows * (tileHeight(layout) + margin) + margin;
  const picture = gradient(width, height, BACKGROUND, BACKGROUND);
  const shown = distinctNames(names.map(inLetters), LINES * letters);
  for (const [number, name] of shown.entries()) {
    const { left, top } = placeOf(layout, number);
    for (const [line, text] of linesOf(name, letters).entries()) {
      const at = { left, top: top + frame.height + textGap + line * LINE_SQUARES * textScale };
      drawText(picture, text, at, textScale, INK);
    }
  }
  return picture;
}

/** Copies a frame into the picture, row by row. */
export function paste(
  picture: Picture,
  pixels: Uint8Array,
  { width, height }: Layout['frame'],
  { left, top }: { left: number; top: number },
): void {
  const rowBytes = width * 3;
  for (let row = 0; row < height; row++) {
    const line = pixels.subarray(row * rowBytes, (row + 1) * rowBytes);
    picture.pixels.set(line, ((top + row) * picture.width + left) * 3);
  }
}

/** A name as two lines at most, broken before a hyphen where there is one. @param text in letters of the typeface */
export function linesOf(text: string, letters: number): string[] {
  if (text.length <= letters) return [text];
  const hyphen = text.lastIndexOf('-', letters);
  // Where all of the name fits that way, and the first line is not too short.
  const isFine = hyphen > letters / 2 && text.length - hyphen <= letters;
  const end = isFine ? hyphen : letters;
  const rest = text.slice(end);
  // The end of a name tells the videos of two tasks apart.
  return [text.slice(0, end), rest.length <= letters ? rest : `..${rest.slice(2 - letters)}`];
}

function stripWidth({ frame, frameGap }: Layout): number {
  return FRAMES * frame.width + (FRAMES - 1) * frameGap;
}

function tileHeight({ frame, textGap, textScale }: Layout): number {
  return frame.height + textGap + LINES * LINE_SQUARES * textScale;
}
