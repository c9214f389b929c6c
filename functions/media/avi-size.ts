/** AVI says its own size at its beginning; ffmpeg does not hold the file against it. */
import { open, stat } from 'node:fs/promises';

const HEADER_BYTES = 12;
/** The name and the size itself are not counted. */
const UNCOUNTED = 8;
/** Of a recording that nobody closed. */
const UNKNOWN = 0xffffffff;
/** Some writers count the header, or a last byte that they do not write. */
const MISCOUNTED = 1_024;

/** Bytes that an AVI file has less than its first RIFF list says; 0 for any other file, and where it says nothing. */
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
