/** Subtitles as a track of a finished video: 3GPP TS 26.245 (tx3g), which MP4 players and editors take. */
import { box, fullBox, type Pieces, runs, u32 } from './build.ts';

/** What is shown at a time. */
export interface Subtitle {
  /** Seconds from the start of the video. In order, without overlaps. */
  start: number;
  end: number;
  /** Lines are separated by a line feed. */
  text: string;
}

export interface Subtitles {
  /** At least one. */
  shown: readonly Subtitle[];
  /** BCP 47; undefined: unknown. */
  language: string | undefined;
}

/** One after the other, from the start of the film to its end: between two texts there is an empty one. */
export interface TextSamples {
  samples: readonly Buffer[];
  sizes: Uint32Array;
  /** Milliseconds. */
  starts: Uint32Array;
  lengths: Uint32Array;
}

/** Ticks per second of the track. */
export const TEXT_TICKS = 1000;
/** The track says so many bytes at most. */
const LONGEST_TEXT = 0xffff;
/** Of the shorter side of the picture: two lines of 42 letters fit into its width. */
const LINE_SHARE = 24;
const LARGEST_FONT = 255;
const FONT = 'Arial';

/** @param seconds of the film */
export function textSamples(shown: readonly Subtitle[], seconds: number): TextSamples {
  const samples: Buffer[] = [];
  const starts: number[] = [];
  const add = (at: number, text: string) => {
    samples.push(textSample(text));
    starts.push(at);
  };
  // Not longer than the picture, by which the whole is measured.
  const whole = Math.max(1, Math.floor(seconds * TEXT_TICKS));
  let end = 0;
  for (const one of shown) {
    const from = Math.max(end, Math.round(one.start * TEXT_TICKS));
    const to = Math.min(whole, Math.round(one.end * TEXT_TICKS));
    if (to <= from) continue;
    if (from > end) add(end, '');
    add(from, one.text);
    end = to;
  }
  if (end < whole) add(end, '');
  return {
    samples,
    sizes: Uint32Array.from(samples, ({ length }) => length),
    starts: Uint32Array.from(starts),
    lengths: Uint32Array.from(starts, (start, at) => (starts[at + 1] ?? whole) - start),
  };
}

/** What stands before the places of the samples: their form, and how long each is shown. */
export function textTables({ lengths }: TextSamples, picture: { width: number; height: number }): Pieces {
  return [
    ...fullBox('stsd', 0, 0, u32(1), textEntry(picture)),
    ...fullBox(
      'stts',
      0,
      0,
      runs(lengths.length, (at) => lengths[at] as number),
    ),
  ];
}

function textSample(text: string): Buffer {
  let bytes = Buffer.from(text);
  while (bytes.length > LONGEST_TEXT) bytes = Buffer.from(text.slice(0, Math.floor(LONGEST_TEXT / 4)));
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** White, in the middle of the lowest line. Players of phones and of Apple use their own style. */
function textEntry({ width, height }: { width: number; height: number }): Pieces {
  const size = Math.min(LARGEST_FONT, Math.max(8, Math.round(Math.min(width, height) / LINE_SHARE)));
  const [centre, bottom] = [1, -1];
  return box(
    'tx3g',
    // Reserved, and the first data reference.
    u32(0, 1),
    u32(0),
    Buffer.from(Int8Array.of(centre, bottom).buffer),
    // No background.
    u32(0),
    u16(0, 0, height, width),
    // All characters, in the font number 1.
    u16(0, 0, 1),
    Buffer.from([0, size, 0xff, 0xff, 0xff, 0xff]),
    box('ftab', u16(1, 1), Buffer.from([FONT.length]), Buffer.from(FONT, 'latin1')),
  );
}

function u16(...values: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(2 * values.length);
  for (const [at, value] of values.entries()) bytes.writeUInt16BE(value, 2 * at);
  return bytes;
}
