/**
 * Walks through the NAL units of a remuxed clip: whether each sample is one whole picture that needs nothing but the header,
 * and whether the clip begins and ends so that others can stand before and behind it. ITU-T H.264, 7.3 and 7.4.1.
 */
import type { ByteWindow } from '../byte-window.ts';
import { BitReader, unescaped } from '../mp4/bits.ts';
import { LENGTH_BYTES } from '../mp4/sample-entry.ts';
import type { DecoderSetup } from './decoder-setup.ts';
import { CopyRefused, refuseUnless } from './refused.ts';

export interface Walked {
  sizes: Uint32Array;
  offsets: Float64Array;
}

const [SLICE, IDR, SEI, SPS, PPS] = [1, 5, 6, 7, 8];
/** AUD, end of sequence, end of stream, filler. */
const HARMLESS = [9, 10, 11, 12];
/** Broadcast cameras write 32 slices. */
const MOST_NALS = 200;
/** A few numbers at the beginning of a slice, each of at most 63 bits. */
const SLICE_HEAD = 48;
const [FRAME_PACKING, ORIENTATION] = [45, 47];
/** Of messages; only their kinds are looked at. */
const MOST_MESSAGES_BYTES = 16_384;

/** Throws CopyRefused, or an Error if a header is broken. */
export async function walkFrames(
  bytes: ByteWindow,
  { sizes, offsets }: Walked,
  setup: DecoderSetup,
  signal: AbortSignal,
): Promise<void> {
  for (let at = 0; at < sizes.length; at++) {
    if (at % 256 === 0) signal.throwIfAborted();
    const start = offsets[at] as number;
    const kind = await frameAt(bytes, start, start + (sizes[at] as number), setup, at === 0);
    if (at === 0) refuseUnless(kind === IDR, 'begins with a frame that needs others before it');
    // Two neighbours may have one idr_pic_id, which makes them one picture to a strict decoder.
    if (at === sizes.length - 1) refuseUnless(kind !== IDR, 'ends with a key frame');
  }
}

/** @returns the type of its slices */
async function frameAt(
  bytes: ByteWindow,
  start: number,
  end: number,
  setup: DecoderSetup,
  isFirst: boolean,
): Promise<number> {
  refuseUnless(end <= bytes.size, 'is not whole');
  let [kind, first, nals] = [0, -1, 0];
  for (let at = start; at < end; nals++) {
    refuseUnless(nals < MOST_NALS, `has a frame of more than ${MOST_NALS} parts`);
    const head = await bytes.at(at, LENGTH_BYTES + SLICE_HEAD);
    refuseUnless(at + LENGTH_BYTES < end && head.length > LENGTH_BYTES, 'has a frame that is not whole');
    const length = head.readUInt32BE(0);
    const from = at + LENGTH_BYTES;
    refuseUnless(length > 0 && from + length <= end, 'has a frame that is not whole');
    const nal = head.subarray(LENGTH_BYTES, Math.min(head.length, LENGTH_BYTES + length));
    const type = typeOf(nal);
    at = from + length;
    if (type === SLICE || type === IDR) {
      refuseUnless(kind === 0 || kind === type, 'has a frame that is a key frame in part');
      kind = type;
      const slice = parseSlice(nal, setup);
      // In order, beginning with the first macroblock: so it is one picture, and not a second one.
      refuseUnless(
        first < 0 ? slice.first === 0 : slice.first > first,
        'has a frame that is not one picture',
      );
      first = slice.first;
      if (isFirst) refuseUnless(!slice.dropsPrior, 'begins with a frame that drops those before it');
    } else if (type === SPS || type === PPS) {
      // Files of type avc1 may have none here (14496-15), and another one would also count for the clips behind.
      throw new CopyRefused('repeats its header within its frames, as streams do');
    } else if (type === SEI) {
      await checkMessages(bytes, { from, length });
    } else
      refuseUnless(
        HARMLESS.includes(type),
        `has something unusual in its frames (NAL units of type ${type})`,
      );
  }
  refuseUnless(kind !== 0, 'has a frame without a picture');
  return kind;
}

function typeOf(nal: Buffer): number {
  const byte = nal.readUInt8(0);
  refuseUnless(byte < 0x80, 'has a broken frame');
  return byte & 31;
}

/** Some players turn or split pictures for such a message, and would go on with it in the next clip. Annex D. */
async function checkMessages(
  bytes: ByteWindow,
  { from, length }: { from: number; length: number },
): Promise<void> {
  refuseUnless(length <= MOST_MESSAGES_BYTES, 'has unusually long messages between its frames');
  const sei = unescaped((await bytes.load(from, length)).subarray(1));
  for (let at = 0; at + 2 < sei.length; ) {
    const [type, afterType] = summed(sei, at);
    const [size, body] = summed(sei, afterType);
    refuseUnless(
      type !== ORIENTATION && type !== FRAME_PACKING,
      'is turned or split by a message in its frames',
    );
    at = body + size;
  }
}

/** A number as bytes of 255 and a last one. */
function summed(sei: Buffer, from: number): [sum: number, next: number] {
  let [sum, at] = [0, from];
  while (sei[at] === 255) {
    sum += 255;
    at += 1;
  }
  return [sum + (sei[at] ?? 0), at + 1];
}

/** Of a frame, as all are. 7.3.3. */
function parseSlice(
  nal: Buffer,
  { sequence, pictures }: DecoderSetup,
): { first: number; dropsPrior: boolean } {
  const read = new BitReader(unescaped(nal.subarray(1)));
  const first = read.golomb();
  const kind = read.golomb() % 5;
  const id = read.golomb();
  const picture = pictures.find((set) => set.id === id);
  if (picture === undefined) throw new CopyRefused('has frames whose header is missing');
  if ((nal.readUInt8(0) & 31) !== IDR) return { first, dropsPrior: false };
  refuseUnless(kind === 2, 'has a key frame that needs other frames');
  read.bits(sequence.frameNumberBits);
  read.golomb();
  if (sequence.orderType === 0) {
    read.bits(sequence.orderBits);
    if (picture.bottomOrder) read.signed();
  } else if (sequence.orderType === 1 && sequence.orderDeltas) {
    read.signed();
    if (picture.bottomOrder) read.signed();
  }
  return { first, dropsPrior: read.flag() };
}
