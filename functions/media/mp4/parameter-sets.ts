/** Parses the parameter sets of H.264 as far as copying depends on them. ITU-T H.264, 7.3.2 and annex E. */
import { BitReader, unescaped } from './bits.ts';

export interface SequenceSet {
  id: number;
  profile: number;
  /** constraint_set1_flag: in the Baseline profile, it is the constrained one, whose pictures any decoder reads. */
  constrained: boolean;
  /** Ten times the number of the level. */
  level: number;
  /** 1: 4:2:0. */
  chroma: number;
  /** Bits of a sample, the larger one of brightness and colours. */
  depth: number;
  /** As shown, after cropping. */
  width: number;
  height: number;
  /** Every picture is one frame, not two fields. */
  framesOnly: boolean;
  /** Numbers of frames may be left out. */
  gaps: boolean;
  /** Width and height of a sample are equal, or not said. */
  square: boolean;
  fullRange: boolean;
  /** transfer_characteristics; null if it is not said. */
  transfer: number | null;
  /** What slices are read with. */
  frameNumberBits: number;
  orderType: number;
  orderBits: number;
  orderDeltas: boolean;
}

export interface PictureSet {
  id: number;
  sequence: number;
  /** bottom_field_pic_order_in_frame_present_flag. */
  bottomOrder: boolean;
  /** More than one: the slices of a picture may be mixed. */
  sliceGroups: number;
  redundant: boolean;
}

/** Profiles whose parameter set says how colours are stored. */
const WITH_CHROMA = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];
const MOST_ORDER_OFFSETS = 255;
/** aspect_ratio_idc: not said, square, and said as two numbers. */
const [NO_ASPECT, SQUARE, EXTENDED_ASPECT] = [0, 1, 255];

/** @param nal with its header. Throws an Error if it is broken. */
export function parseSequenceSet(nal: Buffer): SequenceSet {
  const read = new BitReader(unescaped(nal.subarray(1)));
  const profile = read.bits(8);
  const constraints = read.bits(8);
  const level = read.bits(8);
  const id = read.golomb();
  const colours = WITH_CHROMA.includes(profile) ? coloursOf(read) : { chroma: 1, depth: 8 };
  const frameNumberBits = read.golomb() + 4;
  const order = orderOf(read);
  read.golomb();
  const gaps = read.flag();
  const across = read.golomb() + 1;
  const down = read.golomb() + 1;
  const framesOnly = read.flag();
  if (!framesOnly) read.flag();
  read.flag();
  const crop = read.flag() ? [read.golomb(), read.golomb(), read.golomb(), read.golomb()] : [0, 0, 0, 0];
  const [left = 0, right = 0, top = 0, bottom = 0] = crop;
  const usability = read.flag() ? usabilityOf(read) : { square: true, fullRange: false, transfer: null };
  return {
    ...{ id, profile, constrained: (constraints & 0x40) !== 0, level, ...colours },
    width: across * 16 - 2 * (left + right),
    height: (framesOnly ? 1 : 2) * (down * 16 - 2 * (top + bottom)),
    ...{ framesOnly, gaps, ...usability, frameNumberBits, ...order },
  };
}

function coloursOf(read: BitReader): Pick<SequenceSet, 'chroma' | 'depth'> {
  const chroma = read.golomb();
  if (chroma === 3) read.flag();
  const depth = 8 + Math.max(read.golomb(), read.golomb());
  read.flag();
  if (read.flag()) {
    const lists = chroma === 3 ? 12 : 8;
    for (let list = 0; list < lists; list++) if (read.flag()) skipScaling(read, list < 6 ? 16 : 64);
  }
  return { chroma, depth };
}

function skipScaling(read: BitReader, size: number): void {
  let [last, next] = [8, 8];
  for (let at = 0; at < size && next !== 0; at++) {
    next = (((last + read.signed()) % 256) + 256) % 256;
    if (next !== 0) last = next;
  }
}

function orderOf(read: BitReader): Pick<SequenceSet, 'orderType' | 'orderBits' | 'orderDeltas'> {
  const orderType = read.golomb();
  if (orderType === 0) return { orderType, orderBits: read.golomb() + 4, orderDeltas: false };
  if (orderType !== 1) return { orderType, orderBits: 0, orderDeltas: false };
  const orderDeltas = !read.flag();
  read.signed();
  read.signed();
  const offsets = read.golomb();
  if (offsets > MOST_ORDER_OFFSETS) throw new Error(`Expected at most 255 offsets, got ${offsets}`);
  for (let at = 0; at < offsets; at++) read.signed();
  return { orderType, orderBits: 0, orderDeltas };
}

/** Of the VUI, which goes on. */
function usabilityOf(read: BitReader): Pick<SequenceSet, 'square' | 'fullRange' | 'transfer'> {
  let square = true;
  if (read.flag()) {
    const aspect = read.bits(8);
    square = aspect === NO_ASPECT || aspect === SQUARE;
    if (aspect === EXTENDED_ASPECT) {
      const wide = read.bits(16);
      square = wide === read.bits(16);
    }
  }
  if (read.flag()) read.flag();
  let fullRange = false;
  let transfer: number | null = null;
  if (read.flag()) {
    read.bits(3);
    fullRange = read.flag();
    if (read.flag()) {
      read.bits(8);
      transfer = read.bits(8);
      read.bits(8);
    }
  }
  return { square, fullRange, transfer };
}

/** @param nal with its header. Throws an Error if it is broken. */
export function parsePictureSet(nal: Buffer): PictureSet {
  const read = new BitReader(unescaped(nal.subarray(1)));
  const id = read.golomb();
  const sequence = read.golomb();
  read.flag();
  const bottomOrder = read.flag();
  const sliceGroups = read.golomb() + 1;
  // What follows has another form then, and such pictures are not copied.
  if (sliceGroups > 1) return { id, sequence, bottomOrder, sliceGroups, redundant: false };
  read.golomb();
  read.golomb();
  read.bits(3);
  for (let at = 0; at < 3; at++) read.signed();
  read.bits(2);
  return { id, sequence, bottomOrder, sliceGroups, redundant: read.flag() };
}
