/** Finds FLAC files that end within a frame. Frames have no size, but end with a checksum of theirs. RFC 9639, 8 and 9. */
import type { ByteWindow } from './byte-window.ts';
import { afterTag } from './mp3-size.ts';

const BEGINNING = 'fLaC';
/** In the first block: the size of the largest frame, which may be unknown. */
const LARGEST_FRAME = 15;
/** The largest that is looked for. A second of sound in two channels has a tenth of this. */
const MOST_FRAME_BYTES = 2 ** 20;
/** With which a frame begins. */
const SYNC = [0xfff8, 0xfff9];
/** x^16 + x^15 + x^2 + 1. */
const POLYNOMIAL = 0x18005;

/** 1 if the file does not end with a whole frame, 0 for other files. A tag at its end looks the same: alone it proves nothing. */
export async function missingFlacBytes(bytes: ByteWindow): Promise<number> {
  const from = await afterTag(bytes);
  const header = await bytes.at(from, LARGEST_FRAME + 3);
  if (header.length < LARGEST_FRAME + 3 || header.toString('latin1', 0, 4) !== BEGINNING) return 0;
  const largest = Math.min(header.readUIntBE(LARGEST_FRAME, 3) || MOST_FRAME_BYTES, MOST_FRAME_BYTES);
  const begin = Math.max(from, bytes.size - largest);
  return endsWithFrame(await bytes.load(begin, largest)) ? 0 : 1;
}

/** Over a whole frame with its checksum, the checksum is 0. It is taken backwards, so that each byte is read once. */
function endsWithFrame(end: Buffer): boolean {
  let [sum, power] = [0, 1];
  for (let at = end.length - 1; at >= 0; at--) {
    const byte = end[at] as number;
    for (let bit = 0; bit < 8; bit++) {
      if (byte & (1 << bit)) sum ^= power;
      power <<= 1;
      if (power & 0x10000) power ^= POLYNOMIAL;
    }
    if (sum === 0 && at + 2 <= end.length && byte === 0xff && SYNC.includes(end.readUInt16BE(at)))
      return true;
  }
  return false;
}
