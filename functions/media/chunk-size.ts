/** Finds photos and animations (PNG, WebP) and Core Audio files whose chunks reach beyond their end. */
import type { ByteWindow } from './byte-window.ts';
import { brokenOff, CAF, chunksIn, PNG, RIFF } from './chunks.ts';

const PNG_SIGNATURE = '89504e470d0a1a0a';
/** Of a Core Audio file: its description, what its decoder needs, and the sound with the sizes of its packets. */
const SOUND = ['desc', 'kuki', 'data', 'pakt'];

/** Of a WebP that is a photo. */
const PICTURE = ['VP8 ', 'VP8L'];
/** Behind it. */
const METADATA = ['EXIF', 'XMP '];
/** Of a PNG: the picture, and those of an animation. */
const PICTURES = ['IDAT', 'fcTL', 'fdAT'];
/** An animation of ten minutes at 60 pictures a second has 72,000. A hundred thousand take 0.1 s. */
const MOST_CHUNKS = 100_000;

/** How many bytes the file lacks, at least. 0 for other files, and if it has all of its pictures or its sound. */
export async function missingChunkBytes(bytes: ByteWindow): Promise<number> {
  const header = await bytes.at(0, 12);
  if (header.length < 12) return 0;
  const outer = header.readUInt32LE(4) + RIFF.headerBytes;
  const kind = header.toString('latin1', 0, 4);
  if (header.toString('hex', 0, 8) === PNG_SIGNATURE) return missingInPng(bytes);
  if (kind === 'caff') return missingInCaf(bytes);
  return kind === 'RIFF' && header.toString('latin1', 8, 12) === 'WEBP' ? missingInWebp(bytes, outer) : 0;
}

/** @param outer where the file ends by its header */
async function missingInWebp(bytes: ByteWindow, outer: number): Promise<number> {
  let hasPicture = false;
  for await (const { type, end } of chunksIn(bytes, 12, RIFF)) {
    // Both sizes must say so, as in other files of RIFF.
    if (end > bytes.size) return METADATA.includes(type) ? 0 : Math.max(0, Math.min(outer, end) - bytes.size);
    hasPicture ||= PICTURE.includes(type);
  }
  // Cut between two chunks or within the head of one: before the picture, or in an animation.
  return hasPicture ? 0 : Math.max(0, outer - bytes.size);
}

async function missingInPng(bytes: ByteWindow): Promise<number> {
  let hasPicture = false;
  let last = '';
  let chunks = 0;
  /** Of an animation: the pictures that are announced, and not there yet. */
  let announced = 0;
  for await (const { type, start, end } of chunksIn(bytes, 8, PNG)) {
    // Anything may follow the end mark.
    if (type === 'IEND' || ++chunks > MOST_CHUNKS) return 0;
    if (end > bytes.size) return hasPicture && !PICTURES.includes(type) ? 0 : end - bytes.size;
    hasPicture ||= type === 'IDAT';
    if (type === 'acTL') announced = (await bytes.at(start, 4)).readUInt32BE();
    if (type === 'fcTL') announced--;
    last = type;
  }
  // Cut between two chunks: the next picture, or what it consists of.
  return hasPicture && (announced > 0 || last === 'fcTL') ? 1 : 0;
}

async function missingInCaf(bytes: ByteWindow): Promise<number> {
  const chunk = await brokenOff(bytes, 8, CAF);
  const isSound = chunk !== undefined && SOUND.includes(chunk.type) && chunk.end <= Number.MAX_SAFE_INTEGER;
  return isSound ? chunk.end - bytes.size : 0;
}
