/**
 * Reads the tables of files that we made: prepared clips and soundtracks. ISO/IEC 14496-12, 8.5 to 8.7.
 * Their values are checked, because whoever made the file reads files of strangers.
 */
import { ByteWindow } from '../byte-window.ts';
import { children, one, readIndex } from './boxes.ts';

/** The frames or packets of one track, in the order in which they are decoded. */
export interface Samples {
  /** Absolute path. */
  file: string;
  /** The one sample entry: `avc1` or `mp4a`, with its header. */
  entry: Buffer;
  /** Bytes of each. */
  sizes: Uint32Array;
  /** Where each begins in the file. */
  offsets: Float64Array;
}

export interface Picture extends Samples {
  width: number;
  height: number;
  /** Indexes of the frames at which decoding can begin; null: all. */
  sync: Uint32Array | null;
  /** When each frame is shown, counted in frames from the first; null: in the order of decoding. */
  order: Uint32Array | null;
}

export interface Sound extends Samples {
  /** Packets before the sound begins: what the encoder needs to begin with. */
  priming: number;
  /** Samples per channel of all packets together, without the priming. */
  length: number;
}

/** Samples per channel of an AAC packet. */
export const PACKET = 1024;
/** Bytes of a sample entry before its boxes: VisualSampleEntry. */
const VISUAL_FIELDS = 32;

/** The picture of a prepared clip. Throws an Error that says what is wrong with its tables. */
export async function readPicture(file: string): Promise<Picture> {
  const { mdia, tables, entry, ...samples } = await readTrack(file, 'vide');
  const { length } = samples.sizes;
  const stss = children(tables).find(({ type }) => type === 'stss')?.body;
  return {
    ...samples,
    entry,
    width: entry.readUInt16BE(VISUAL_FIELDS),
    height: entry.readUInt16BE(VISUAL_FIELDS + 2),
    sync: stss === undefined ? null : entries(stss, 4).map((number) => number - 1),
    order: orderOf(one(tables, 'stts'), children(tables).find(({ type }) => type === 'ctts')?.body, length),
  };
}

/** The sound of a soundtrack. */
export async function readSound(file: string): Promise<Sound> {
  const { trak, tables, ...samples } = await readTrack(file, 'soun');
  const edts = children(trak).find(({ type }) => type === 'edts');
  const mediaTime = edts === undefined ? 0 : one(edts.body, 'elst').readUInt32BE(12);
  let length = -mediaTime;
  const stts = one(tables, 'stts');
  for (let run = 0; run < stts.readUInt32BE(4); run++) {
    length += stts.readUInt32BE(8 + 8 * run) * stts.readUInt32BE(12 + 8 * run);
  }
  return { ...samples, priming: mediaTime / PACKET, length };
}

async function readTrack(file: string, handler: string) {
  await using bytes = await ByteWindow.open(file);
  for (const { type, body: trak } of children(await readIndex(bytes))) {
    if (type !== 'trak') continue;
    const mdia = one(trak, 'mdia');
    if (one(mdia, 'hdlr').toString('latin1', 8, 12) !== handler) continue;
    const tables = one(one(mdia, 'minf'), 'stbl');
    const stsd = one(tables, 'stsd');
    const sizes = sizesOf(one(tables, 'stsz'));
    return { file, trak, mdia, tables, entry: stsd.subarray(8), sizes, offsets: offsetsOf(tables, sizes) };
  }
  throw new Error(`Expected a track of type ${handler}, got none`);
}

function sizesOf(stsz: Buffer): Uint32Array {
  const [equal, count] = [stsz.readUInt32BE(4), stsz.readUInt32BE(8)];
  if (equal !== 0) return new Uint32Array(count).fill(equal);
  return entries(stsz.subarray(4), 4);
}

/** A table of whole numbers: version and flags, how many, and these. */
function entries(table: Buffer, width: 4 | 8): Uint32Array {
  const count = table.readUInt32BE(4);
  const values = new Uint32Array(count);
  for (let at = 0; at < count; at++) values[at] = table.readUInt32BE(8 + width * at);
  return values;
}

function offsetsOf(tables: Buffer, sizes: Uint32Array): Float64Array {
  const long = children(tables).find(({ type }) => type === 'co64')?.body;
  const short = long === undefined ? one(tables, 'stco') : undefined;
  const chunks = (long ?? short)?.readUInt32BE(4) ?? 0;
  const runs = one(tables, 'stsc');
  const offsets = new Float64Array(sizes.length);
  let sample = 0;
  for (let run = 0, chunk = 0; run < runs.readUInt32BE(4); run++) {
    const next = run + 1 < runs.readUInt32BE(4) ? runs.readUInt32BE(8 + 12 * (run + 1)) - 1 : chunks;
    for (; chunk < next; chunk++) {
      let at = long
        ? Number(long.readBigUInt64BE(8 + 8 * chunk))
        : (short as Buffer).readUInt32BE(8 + 4 * chunk);
      for (let left = runs.readUInt32BE(12 + 12 * run); left > 0 && sample < sizes.length; left--) {
        offsets[sample] = at;
        at += sizes[sample++] as number;
      }
    }
  }
  return offsets;
}

/** By rank: containers round the times, but never so far that two frames change places. */
function orderOf(stts: Buffer, ctts: Buffer | undefined, frames: number): Uint32Array | null {
  if (ctts === undefined) return null;
  const times = new Float64Array(frames);
  let [frame, time] = [0, 0];
  for (let run = 0; run < stts.readUInt32BE(4); run++) {
    for (let left = stts.readUInt32BE(8 + 8 * run); left > 0 && frame < frames; left--) {
      times[frame++] = time;
      time += stts.readUInt32BE(12 + 8 * run);
    }
  }
  frame = 0;
  for (let run = 0; run < ctts.readUInt32BE(4); run++) {
    const shift = ctts.readInt32BE(12 + 8 * run);
    for (let left = ctts.readUInt32BE(8 + 8 * run); left > 0 && frame < frames; left--) {
      times[frame] = (times[frame] as number) + shift;
      frame += 1;
    }
  }
  const shown = Uint32Array.from(times.keys()).sort(
    (one, other) => (times[one] as number) - (times[other] as number),
  );
  const order = new Uint32Array(frames);
  for (const [rank, index] of shown.entries()) order[index] = rank;
  return order.every((rank, index) => rank === index) ? null : order;
}
