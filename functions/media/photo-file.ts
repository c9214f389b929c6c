/**
 * Reads what ffmpeg does not tell of a photo, or only some builds do: which side is up, and whether it is animated. Never
 * throws over what a file contains, and reads a bounded part of it. The libraries for EXIF read all of it, or no WebP.
 */
import { ByteWindow } from './byte-window.ts';
import { chunksIn, PNG, RIFF } from './chunks.ts';

export interface PhotoFile {
  kind: 'jpeg' | 'png' | 'webp';
  /** As in EXIF: 1 (upright) to 8. */
  orientation: number;
  isAnimated: boolean;
}

/** Read of one block of EXIF. Its first directory is at its beginning. */
const MOST_EXIF = 16_384;
/** A PNG of 200 MB in pieces of 8 KB has 25,000, which take 50 ms. */
const MOST_CHUNKS = 50_000;
const JPEG = 0xffd8;
const PNG_BEGINNING = '89504e470d0a1a0a';
const EXIF = 'Exif\0\0';

type Facts = Omit<PhotoFile, 'kind'>;

/** Null for a file that does not begin as JPEG, PNG or WebP. */
export async function readPhotoFile(file: string): Promise<PhotoFile | null> {
  await using bytes = await ByteWindow.open(file);
  const beginning = await bytes.at(0, 12);
  if (beginning.length < 12) return null;
  if (beginning.readUInt16BE(0) === JPEG) return { kind: 'jpeg', ...(await inJpeg(bytes)) };
  if (beginning.toString('hex', 0, 8) === PNG_BEGINNING) return { kind: 'png', ...(await inPng(bytes)) };
  const isWebp =
    beginning.toString('latin1', 0, 4) === 'RIFF' && beginning.toString('latin1', 8, 12) === 'WEBP';
  return isWebp ? { kind: 'webp', ...(await inWebp(bytes)) } : null;
}

/** Whether width and height are swapped when it is shown. */
export function isOnItsSide(orientation: number): boolean {
  return orientation >= 5;
}

/** Segments up to the picture itself. ITU-T T.81 B.1.1, JEITA CP-3451 4.7. */
async function inJpeg(bytes: ByteWindow): Promise<Facts> {
  const facts = { orientation: 1, isAnimated: false };
  for (let at = 2, segments = 0; segments < MOST_CHUNKS; segments++) {
    const header = await bytes.at(at, 4);
    if (header.length < 4 || header[0] !== 0xff) break;
    const marker = header[1] as number;
    // Any number of these may stand before a marker.
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    const [startOfScan, application1] = [0xda, 0xe1];
    const length = header.readUInt16BE(2);
    if (marker === startOfScan || length < 2) break;
    const body =
      marker === application1 ? await bytes.at(at + 4, Math.min(length - 2, MOST_EXIF)) : undefined;
    if (body?.toString('latin1', 0, EXIF.length) === EXIF) {
      return { ...facts, orientation: orientationIn(body) };
    }
    at += 2 + length;
  }
  return facts;
}

/** https://www.w3.org/TR/png-3/#11eXIf */
async function inPng(bytes: ByteWindow): Promise<Facts> {
  const facts = { orientation: 1, isAnimated: false };
  for await (const { type, size, start } of chunksIn(bytes, 8, PNG, { most: MOST_CHUNKS })) {
    if (type === 'IEND') break;
    if (type === 'acTL') facts.isAnimated = true;
    if (type === 'eXIf') facts.orientation = orientationIn(await bytes.at(start, Math.min(size, MOST_EXIF)));
  }
  return facts;
}

/** https://developers.google.com/speed/webp/docs/riff_container */
async function inWebp(bytes: ByteWindow): Promise<Facts> {
  const facts = { orientation: 1, isAnimated: false };
  for await (const { type, size, start } of chunksIn(bytes, 12, RIFF, { most: MOST_CHUNKS })) {
    if (type === 'ANIM' || type === 'ANMF') facts.isAnimated = true;
    if (type === 'EXIF') facts.orientation = orientationIn(await bytes.at(start, Math.min(size, MOST_EXIF)));
  }
  return facts;
}

const ORIENTATION = 0x0112;
const SHORT = 3;
const LONG = 4;

/** Tag 0x0112 of the first directory of a block of EXIF, which is a TIFF without a picture. 1 if there is none. */
function orientationIn(exif: Buffer): number {
  // Some writers repeat the name of the block within PNG and WebP.
  const tiff = exif.toString('latin1', 0, EXIF.length) === EXIF ? exif.subarray(EXIF.length) : exif;
  const isLittle = tiff.toString('latin1', 0, 2) === 'II';
  const number = (at: number, bytes: 2 | 4): number => {
    if (at + bytes > tiff.length) return 0;
    return isLittle ? tiff.readUIntLE(at, bytes) : tiff.readUIntBE(at, bytes);
  };
  const directory = number(4, 4);
  for (let entry = 0; entry < number(directory, 2); entry++) {
    const at = directory + 2 + 12 * entry;
    if (number(at, 2) !== ORIENTATION) continue;
    const type = number(at + 2, 2);
    const value = type === SHORT ? number(at + 8, 2) : type === LONG ? number(at + 8, 4) : 1;
    return value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}
