/** Finds GIFs that end within a picture. GIF89a specification, https://www.w3.org/Graphics/GIF/spec-gif89a.txt */
import type { ByteWindow } from './byte-window.ts';

const SCREEN_BYTES = 13;
const PICTURE_BYTES = 10;
const PICTURE = 0x2c;
const EXTENSION = 0x21;
/** A palette follows, of 3 bytes for each colour; the lowest bits say how many. */
const HAS_PALETTE = 0x80;
/** Of a piece. */
const FULL = 255;
const MOST_PIECES = 2_000_000;

/** How many bytes the file lacks, at least. 0 for other files, and if only the marks of the end are missing. */
export async function missingGifBytes(bytes: ByteWindow): Promise<number> {
  const screen = await bytes.at(0, SCREEN_BYTES);
  if (screen.length < SCREEN_BYTES || !/^GIF8[79]a/.test(screen.toString('latin1', 0, 6))) return 0;
  let at = SCREEN_BYTES + paletteBytes(screen[10]);
  for (let pieces = 0; pieces < MOST_PIECES && at < bytes.size; ) {
    const block = await bytes.at(at, PICTURE_BYTES);
    if (block[0] === EXTENSION) at += 2;
    // After the palette, a byte says how the picture is coded.
    else if (block[0] === PICTURE) at += PICTURE_BYTES + paletteBytes(block[9]) + 1;
    else return 0;
    for (let length = -1; length !== 0 && pieces < MOST_PIECES; pieces++) {
      // A piece that is not full is the last one of its picture, so only its mark is missing.
      if (at === bytes.size && length > 0 && length < FULL) return 0;
      if (at >= bytes.size) return at + 1 - bytes.size;
      length = (await bytes.at(at, 1))[0] as number;
      at += 1 + length;
    }
  }
  return Math.max(0, at - bytes.size);
}

function paletteBytes(flags = 0): number {
  return flags & HAS_PALETTE ? 3 * 2 ** ((flags & 7) + 1) : 0;
}
