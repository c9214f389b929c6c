/** Finds Ogg files that end within a page. RFC 3533, 6. */
import type { ByteWindow } from './byte-window.ts';

const CAPTURE = 'OggS';
const HEADER_BYTES = 27;
/** With 255 pieces of 255 bytes. */
const LARGEST_PAGE = HEADER_BYTES + 255 * 256;

/** How many bytes the last page lacks. 0 for other files. */
export async function missingOggBytes(bytes: ByteWindow): Promise<number> {
  const beginning = await bytes.at(0, CAPTURE.length);
  if (beginning.toString('latin1') !== CAPTURE) return 0;
  const from = Math.max(0, bytes.size - LARGEST_PAGE);
  const end = await bytes.load(from, LARGEST_PAGE);
  const at = end.lastIndexOf(CAPTURE, undefined, 'latin1');
  if (at < 0) return 0;
  const page = end.subarray(at);
  const pieces = page[HEADER_BYTES - 1] ?? 0;
  const sizes = page.subarray(HEADER_BYTES, HEADER_BYTES + pieces);
  const length = sizes.reduce((sum, size) => sum + size, HEADER_BYTES + pieces);
  return Math.max(0, length - page.length);
}
