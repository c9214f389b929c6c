/**
 * Checks a soundtrack before its packets go into a video. What opens files of strangers may write artifacts, too: if it was
 * taken over, the file may be anything. `readSound` checks its tables and its header.
 */
import { readSound } from './mp4/tracks.ts';

/** Of a packet with two channels: 6,144 bits each, and some for what is around them. ISO/IEC 14496-3, 4.5.3.2. */
const MOST_PACKET_BYTES = 2 * 768 + 64;

/** Throws an Error unless the file has that many samples of stereo AAC at 48 kHz. */
export async function checkEncodedSound(file: string, total: number): Promise<void> {
  const { sizes, channels, priming, length } = await readSound(file);
  expect('samples', length, total);
  expect('packets of priming', priming, 1);
  expect('channels', channels, 2);
  const most = sizes.reduce((largest, bytes) => Math.max(largest, bytes), 0);
  if (most > MOST_PACKET_BYTES)
    throw new Error(`Expected packets of at most ${MOST_PACKET_BYTES} bytes, got ${most}`);
}

function expect(what: string, found: number, expected: number): void {
  if (found !== expected) throw new Error(`Expected ${expected} ${what}, got ${found}`);
}
