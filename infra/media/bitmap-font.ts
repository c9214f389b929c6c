/** The letters that label the sample clips, so that no font file is needed: 5 columns, 7 rows, one number per row. */
const GLYPHS: Readonly<Record<string, readonly number[]>> = {
  ' ': [0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00],
  '1': [0x04, 0x0c, 0x04, 0x04, 0x04, 0x04, 0x0e],
  '2': [0x0e, 0x11, 0x01, 0x02, 0x04, 0x08, 0x1f],
  A: [0x0e, 0x11, 0x11, 0x1f, 0x11, 0x11, 0x11],
  B: [0x1e, 0x11, 0x11, 0x1e, 0x11, 0x11, 0x1e],
  C: [0x0e, 0x11, 0x10, 0x10, 0x10, 0x11, 0x0e],
  D: [0x1e, 0x11, 0x11, 0x11, 0x11, 0x11, 0x1e],
  H: [0x11, 0x11, 0x11, 0x1f, 0x11, 0x11, 0x11],
  K: [0x11, 0x12, 0x14, 0x18, 0x14, 0x12, 0x11],
  O: [0x0e, 0x11, 0x11, 0x11, 0x11, 0x11, 0x0e],
  T: [0x1f, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04],
  Y: [0x11, 0x11, 0x0a, 0x04, 0x04, 0x04, 0x04],
};
const COLUMNS = 5;
const ROWS = 7;
/** Distance from one letter to the next, in columns. */
const PITCH = COLUMNS + 1;

export type Colour = readonly [red: number, green: number, blue: number];

/** Pixels in ffmpeg's rgb24 format: row by row, three bytes each. */
export interface Picture {
  width: number;
  height: number;
  pixels: Uint8Array;
}

/** A picture that fades from `top` to `bottom`. */
export function gradient(width: number, height: number, top: Colour, bottom: Colour): Picture {
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const share = y / (height - 1);
    const colour = top.map((value, at) => Math.round(value + ((bottom[at] as number) - value) * share));
    for (let x = 0; x < width; x++) pixels.set(colour, (y * width + x) * 3);
  }
  return { width, height, pixels };
}

/**
 * Draws centred text into the picture; each dot of a letter is a square of `scale` pixels.
 * @param top first row of pixels that the text may cover
 * @throws if the font lacks a letter
 */
export function drawText(picture: Picture, text: string, top: number, scale: number, colour: Colour): void {
  const left = Math.round((picture.width - (text.length * PITCH - 1) * scale) / 2);
  for (const [place, letter] of [...text].entries()) {
    const glyph = GLYPHS[letter];
    if (!glyph) throw new Error(`Expected only letters that the font has, got ${JSON.stringify(letter)}.`);
    for (let row = 0; row < ROWS; row++) {
      for (let column = 0; column < COLUMNS; column++) {
        const isInk = ((glyph[row] as number) >> (COLUMNS - 1 - column)) & 1;
        if (isInk)
          drawSquare(picture, left + (place * PITCH + column) * scale, top + row * scale, scale, colour);
      }
    }
  }
}

function drawSquare(
  { width, pixels }: Picture,
  left: number,
  top: number,
  side: number,
  colour: Colour,
): void {
  for (let y = top; y < top + side; y++) {
    for (let x = left; x < left + side; x++) pixels.set(colour, (y * width + x) * 3);
  }
}
