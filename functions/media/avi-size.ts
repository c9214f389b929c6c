/** Finds AVI files that are shorter than their header says, which ffmpeg does not check. */
import { open, stat } from 'node:fs/promises';

const HEADER_BYTES = 12;
/** The size in the header does not include the first eight bytes: the name and the size itself. */
const UNCOUNTED = 8;
/** The size of a recording that was never closed. */
const UNKNOWN = 0xffffffff;
/** Some writers also count the header, or a last byte that they do not write. */
const MISCOUNTED = 1_024;

/** How many bytes an AVI file lacks, by its first RIFF list. 0 for other files, and if the size is unknown. */
export async function missingAviBytes(file: string): Promise<number> {
  await using handle = await open(file);
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0);
  const isAvi =
    bytesRead === HEADER_BYTES &&
    buffer.toString('latin1', 0, 4) === 'RIFF' &&
    buffer.toString('latin1', 8, 11) === 'AVI';
  if (!isAvi) return 0;
  const said = buffer.readUInt32LE(4);
  const missing = said + UNCOUNTED - (await stat(file)).size;
  return said === UNKNOWN || missing <= MISCOUNTED ? 0 : missing;
}
