/** Reads the list of segments (sidx) that stands at the beginning of some MP4s. ISO/IEC 14496-12, 8.16.3. Pure. */

/** Of an entry: its size without the highest bit, its length in time, and where it can be entered. */
const ENTRY_BYTES = 12;
const SIZE = 0x7fffffff;

/**
 * How many bytes of the listed segments the file lacks. 0 if the list is about another file: segments that were joined
 * to a new file begin elsewhere than it says.
 * @param sidx content of the box
 * @param sidxEnd where the box ends in the file
 * @param places where the boxes of the first level begin, and where the last one ends
 */
export function missingAfterSegments(
  sidx: Buffer,
  sidxEnd: number,
  places: ReadonlySet<number>,
  fileEnd: number,
): number {
  if (sidx.length < 32) return 0;
  const isLong = sidx[0] === 1;
  const header = isLong ? 32 : 24;
  const skipped = isLong ? Number(sidx.readBigUInt64BE(20)) : sidx.readUInt32BE(16);
  const count = sidx.readUInt16BE(header - 2);
  let place = sidxEnd + skipped;
  let whole = 0;
  for (let entry = 0; entry < count; entry++) {
    const at = header + entry * ENTRY_BYTES;
    if (at + ENTRY_BYTES > sidx.length || (place <= fileEnd && !places.has(place))) return 0;
    place += sidx.readUInt32BE(at) & SIZE;
    if (place <= fileEnd) whole += 1;
  }
  return whole === 0 ? 0 : Math.max(0, place - fileEnd);
}
