/**
 * Checks a soundtrack before its packets go into a video. What opens files of strangers may write artifacts, too: if it was
 * taken over, the file may be anything. ISO/IEC 14496-12 and -14.
 */
import { stat } from 'node:fs/promises';
import { SAMPLE_RATE } from '../model/frame-rate.ts';
import { children, one } from './mp4/boxes.ts';
import { PACKET, readSound } from './mp4/tracks.ts';

/** Of a packet with two channels: 6,144 bits each, and some for what is around them. ISO/IEC 14496-3, 4.5.3.2. */
const MOST_PACKET_BYTES = 2 * 768 + 64;
/** Bytes of a sample entry before its boxes: AudioSampleEntry. */
const AUDIO_FIELDS = 28;
/** ffmpeg's has 39 and, with the bit rates, 20. */
const MOST_ENTRY_BYTES = 256;

/** Throws an Error unless the file has that many samples of stereo AAC at 48 kHz, in packets that are all in the file. */
export async function checkEncodedSound(file: string, total: number): Promise<void> {
  const { entry, sizes, offsets, priming, length } = await readSound(file);
  expect('samples', length, total);
  expect('priming', priming, 1);
  expect('packets', sizes.length, Math.ceil((total + PACKET) / PACKET));
  const { size } = await stat(file);
  for (const [at, bytes] of sizes.entries()) {
    const begin = offsets[at] as number;
    if (bytes > MOST_PACKET_BYTES || begin < 8 || begin + bytes > size) {
      throw new Error(`Expected packets of AAC within ${size} bytes, got ${bytes} at ${begin}`);
    }
  }
  const [mp4a, ...others] = children(entry);
  expect('sample entries', [mp4a?.type, others.length].join(), 'mp4a,0');
  const body = mp4a?.body ?? Buffer.alloc(0);
  if (body.length > MOST_ENTRY_BYTES) throw new Error(`Expected a sample entry, got ${body.length} bytes`);
  expect('index of the data reference', body.readUInt16BE(6), 1);
  expect('channels', body.readUInt16BE(16), 2);
  expect('samples per second', body.readUInt32BE(24), SAMPLE_RATE * 2 ** 16);
  const boxes = body.subarray(AUDIO_FIELDS);
  one(boxes, 'esds');
  const other = children(boxes).find(({ type }) => type !== 'esds' && type !== 'btrt');
  if (other !== undefined) throw new Error(`Expected esds and btrt, got ${JSON.stringify(other.type)}`);
}

function expect(what: string, found: string | number, expected: string | number): void {
  if (found !== expected) throw new Error(`Expected ${what} ${expected}, got ${found}`);
}
