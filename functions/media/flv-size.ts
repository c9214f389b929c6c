/** Finds FLV files that end within a tag. Adobe Flash Video File Format Specification 10.1, E.3. */
import type { ByteWindow } from './byte-window.ts';

/** Of the size of the tag before, which follows each tag. */
const BACK_BYTES = 4;
const TAG_BYTES = 11;
/** Sound, picture and data. Encrypted ones have another bit set. */
const TYPES = [8, 9, 18];
const MOST_TAGS = 2_000_000;

/** How many bytes the last tag lacks. 0 for other files, and where something else than a tag stands. */
export async function missingFlvBytes(bytes: ByteWindow): Promise<number> {
  const header = await bytes.at(0, 9);
  if (header.length < 9 || header.toString('latin1', 0, 3) !== 'FLV') return 0;
  let at = header.readUInt32BE(5) + BACK_BYTES;
  for (let tags = 0; tags < MOST_TAGS && at < bytes.size; tags++) {
    const tag = await bytes.at(at, TAG_BYTES);
    if (!TYPES.includes((tag[0] as number) & 0x1f)) return 0;
    const end = at + TAG_BYTES + (tag.length < TAG_BYTES ? 0 : tag.readUIntBE(1, 3));
    if (end > bytes.size) return end - bytes.size;
    at = end + BACK_BYTES;
  }
  return 0;
}
