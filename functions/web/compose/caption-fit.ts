/** Breaks a group of words into rows, and makes the letters as large as they fit, as the service does. */
import type { CaptionLook } from './caption-look.ts';

export interface Room {
  /** Pixels of the video. */
  width: number;
  height: number;
}

export interface Fitted {
  /** Numbers of words. */
  rows: number[][];
  /** Size of the letters, pixels of the video. */
  em: number;
}

/** A little smaller is better than a second row; much smaller cannot be read. */
const ONE_ROW = 0.85;
const LEAST_SCALE = 0.7;
const STEP = 0.95;
const MEASURED = 100;

/** The chosen font, and those that show what it does not have. */
export function familyOf(font: string): string {
  const named = [font, 'Montserrat', 'Noto Sans', 'Noto Sans JP'].map((name) =>
    name === 'Noto Sans' ? 'Captions Noto Sans' : name,
  );
  return `${[...new Set(named)].map((name) => `"${name}"`).join(', ')}, sans-serif`;
}

let context: CanvasRenderingContext2D | null | undefined;

export function fitted(
  texts: readonly string[],
  words: readonly { spaced: boolean }[],
  { look, room, font }: { look: CaptionLook; room: Room; font: string },
): Fitted {
  const widths = texts.map((text) => widthOf(text, font));
  const blank = widthOf(' ', font);
  const widthOfRow = (row: readonly number[]) =>
    row.reduce((sum, at, place) => sum + (place > 0 && words[at]?.spaced ? blank : 0) + (widths[at] ?? 0), 0);
  const all = texts.map((_, at) => at);
  const alone = Math.min(1, room.width / look.em / widthOfRow(all));
  if (alone >= ONE_ROW) return { rows: [all], em: look.em * alone };
  for (let scale = 1; ; scale *= STEP) {
    const width = room.width / (look.em * scale);
    const rows = balanced(all, width, widthOfRow);
    const widest = Math.max(...rows.map(widthOfRow));
    const isHigh = rows.length * look.lineHeight * look.em * scale > room.height;
    if (widest <= width && !isHigh) return { rows, em: look.em * scale };
    if (scale * STEP < LEAST_SCALE) return { rows, em: look.em * scale * Math.min(1, width / widest) };
  }
}

/** As few rows as possible, of about the same width. */
function balanced(
  words: readonly number[],
  width: number,
  widthOfRow: (row: readonly number[]) => number,
): number[][] {
  const fewest = filled(words, width, widthOfRow);
  let best = fewest;
  for (let narrower = width * STEP; ; narrower *= STEP) {
    const rows = filled(words, narrower, widthOfRow);
    if (rows.length > fewest.length || Math.max(...rows.map(widthOfRow)) > width) return best;
    best = rows;
    if (rows.length === words.length) return best;
  }
}

function filled(
  words: readonly number[],
  width: number,
  widthOfRow: (row: readonly number[]) => number,
): number[][] {
  const rows: number[][] = [];
  for (const word of words) {
    const row = rows.at(-1);
    if (row !== undefined && widthOfRow([...row, word]) <= width) row.push(word);
    else rows.push([word]);
  }
  return rows;
}

/** In sizes of the letters. */
function widthOf(text: string, font: string): number {
  context ??= document.createElement('canvas').getContext('2d');
  if (context === null) return text.length * 0.65;
  context.font = `${MEASURED}px ${familyOf(font)}`;
  return context.measureText(text).width / MEASURED;
}
