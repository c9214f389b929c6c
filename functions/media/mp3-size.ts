/** Finds MP3s that end within a frame. ISO/IEC 11172-3, 2.4.1.3; ID3v2.4, 3.1. */
import type { ByteWindow } from './byte-window.ts';

const TAG_BYTES = 10;
const HAS_FOOTER = 0x10;
const HEADER_BYTES = 4;
/** Thousands of bits a second in layer III, for MPEG-1 and for the lower rates of MPEG-2. 0 if the header does not say. */
const BIT_RATES = [
  [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];
const SAMPLE_RATES = [44_100, 48_000, 32_000];
/** By the version in the header; the second one is reserved. */
const SLOWER_BY = [4, 0, 2, 1];
const LAYER_3 = 1;
/** Three and a half days. */
const MOST_FRAMES = 12_000_000;

/** How many bytes the last frame lacks. 0 for other files, and where something else than a frame stands, such as a tag. */
export async function missingMp3Bytes(bytes: ByteWindow): Promise<number> {
  let at = await afterTag(bytes);
  for (let frames = 0; frames < MOST_FRAMES && at < bytes.size; frames++) {
    const header = await bytes.at(at, HEADER_BYTES);
    if (header.length < HEADER_BYTES) return header[0] === 0xff ? HEADER_BYTES - header.length : 0;
    const length = frameBytes(header.readUInt32BE(0));
    if (length === 0) return 0;
    at += length;
  }
  return Math.max(0, at - bytes.size);
}

/** Where the file begins behind its tag, if it has one. */
export async function afterTag(bytes: ByteWindow): Promise<number> {
  const tag = await bytes.at(0, TAG_BYTES);
  if (tag.length < TAG_BYTES || tag.toString('latin1', 0, 3) !== 'ID3') return 0;
  const size = tag.subarray(6).reduce((sum, byte) => sum * 128 + (byte & 127), 0);
  return TAG_BYTES + size + ((tag[5] as number) & HAS_FOOTER ? TAG_BYTES : 0);
}

/** 0 if this is no header of a frame in layer III. */
function frameBytes(header: number): number {
  const field = (from: number, bits: number) => (header >>> from) & ((1 << bits) - 1);
  const slower = SLOWER_BY[field(19, 2)] ?? 0;
  if (field(21, 11) !== 0x7ff || field(17, 2) !== LAYER_3 || slower === 0) return 0;
  const bitRate = BIT_RATES[slower === 1 ? 0 : 1]?.[field(12, 4)] ?? 0;
  const sampleRate = (SAMPLE_RATES[field(10, 2)] ?? 0) / slower;
  if (bitRate === 0 || sampleRate === 0) return 0;
  return Math.floor(((slower === 1 ? 144_000 : 72_000) * bitRate) / sampleRate) + field(9, 1);
}
