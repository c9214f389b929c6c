/** Finds ASF files (WMV, WMA) that are shorter than they say. Advanced Systems Format Specification 01.20.03. */
import type { ByteWindow } from './byte-window.ts';

const HEADER = '3026b2758e66cf11a6d900aa0062ce6c';
const DATA = '3626b2758e66cf11a6d900aa0062ce6c';
const PROPERTIES = 'a1dcab8c47a9cf118ee400c00c205365';
/** Of an object: its kind and its size. */
const OBJECT_BYTES = 24;
/** Of the header: also how many objects follow. */
const HEADER_BYTES = 30;
/** In the properties. */
const FILE_SIZE = 40;
const FLAGS = 88;
/** The recording was sent live, so its sizes are made up. */
const BROADCAST = 1;
const MOST_OBJECTS = 1_000;

/**
 * How many bytes the file lacks, at least. 0 for other files, and unless the size of the data and that of the whole file
 * both say so.
 */
export async function missingAsfBytes(bytes: ByteWindow): Promise<number> {
  const header = await bytes.at(0, OBJECT_BYTES);
  if (kindOf(header) !== HEADER) return 0;
  const headerEnd = Number(header.readBigUInt64LE(16));
  const data = await bytes.at(headerEnd, OBJECT_BYTES);
  if (kindOf(data) !== DATA) return 0;
  const dataEnd = headerEnd + Number(data.readBigUInt64LE(16));
  const fileEnd = await fileSizeIn(bytes, headerEnd);
  return Math.max(0, Math.min(dataEnd, fileEnd) - bytes.size);
}

/** 0 if it is not known. */
async function fileSizeIn(bytes: ByteWindow, headerEnd: number): Promise<number> {
  let at = HEADER_BYTES;
  for (let objects = 0; objects < MOST_OBJECTS && at < headerEnd; objects++) {
    const object = await bytes.at(at, FLAGS + 4);
    if (object.length < FLAGS + 4) return 0;
    const size = Number(object.readBigUInt64LE(16));
    if (kindOf(object) === PROPERTIES) {
      return object.readUInt32LE(FLAGS) & BROADCAST ? 0 : Number(object.readBigUInt64LE(FILE_SIZE));
    }
    if (size < OBJECT_BYTES) return 0;
    at += size;
  }
  return 0;
}

/** Empty if there is no whole object. */
function kindOf(object: Buffer): string {
  return object.length < OBJECT_BYTES ? '' : object.toString('hex', 0, 16);
}
