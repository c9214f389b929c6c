/**
 * Finds where the picture and the sound of an MP4 end in the file, by the tables of its index and of its fragments
 * (ISO/IEC 14496-12, 8.6 to 8.8). Other tracks do not count. Pure. What cannot be read says nothing.
 */
import { type Box, children } from './boxes.ts';

const KINDS = ['vide', 'soun'];
/** Flags of a fragment's track (tfhd), and of its runs of samples (trun). */
const TFHD = { base: 0x1, description: 0x2, duration: 0x8, size: 0x10, fromMoof: 0x20000 };
const TRUN = { offset: 0x1, firstFlags: 0x4, size: 0x200 };
/** Fields of four bytes for each sample: duration, size, flags, composition offset. */
const TRUN_FIELDS = [0x100, 0x200, 0x400, 0x800];
/** Of the samples in a sound description: 14496-12, 12.2.3, and version 1 of QuickTime. */
const SOUND = { format: 12, version: 24, channels: 32, bits: 34, perPacket: 44, bytesPerFrame: 52 };
/** Formats of PCM whose samples have as many bytes as the description says, and those with one byte. */
const LINEAR = ['raw ', 'twos', 'sowt', 'in24', 'in32', 'fl32', 'fl64'];
const LOGARITHMIC = ['ulaw', 'alaw'];

export class Mp4Reach {
  /** Tracks of picture and sound, with the size of a sample where a fragment does not say it. */
  readonly #tracks = new Map<number, number>();
  #hasIndex = false;
  #end = 0;

  /** The first byte after the last sample, counted from the beginning of the file. 0 if nothing is known. */
  get end(): number {
    return this.#end;
  }

  /** The file should have at least the bytes before this one. */
  addBytes(end: number): void {
    this.#end = Math.max(this.#end, end);
  }

  /** Takes the content of a `moov`. Like players, ignores a second one. */
  addIndex(moov: Buffer): void {
    if (this.#hasIndex) return;
    this.#hasIndex = true;
    leniently(() => {
      const boxes = children(moov);
      for (const { body } of all(boxes, 'trak')) leniently(() => this.#addTrack(children(body)));
      for (const { body } of all(all(boxes, 'mvex').flatMap(inside), 'trex')) {
        const id = u32(body, 4);
        if (this.#tracks.has(id)) this.#tracks.set(id, u32(body, 16));
      }
    });
  }

  /** Takes the content of a `moof` that begins `at` this byte of the file. */
  addFragment(moof: Buffer, at: number): void {
    leniently(() => {
      let base = at;
      for (const { body } of all(children(moof), 'traf')) base = this.#addRuns(children(body), at, base);
    });
  }

  #addTrack(trak: Box[]): void {
    const media = all(trak, 'mdia').flatMap(inside);
    // The first handler is the media's; QuickTime has a second one, for the place of the data.
    const kind = first(media, 'hdlr')?.toString('latin1', 8, 12) ?? '';
    const minf = all(media, 'minf').flatMap(inside);
    if (!KINDS.includes(kind) || isElsewhere(minf)) return;
    const tkhd = first(trak, 'tkhd');
    if (tkhd !== undefined) this.#tracks.set(u32(tkhd, tkhd[0] === 1 ? 20 : 12), 0);
    this.#end = Math.max(this.#end, endOfTables(all(minf, 'stbl').flatMap(inside)));
  }

  /** Returns where the data of the next track begins if it does not say so. */
  #addRuns(traf: Box[], moof: number, implied: number): number {
    const tfhd = first(traf, 'tfhd');
    if (tfhd === undefined) return implied;
    const flags = u32(tfhd, 0);
    const size = this.#tracks.get(u32(tfhd, 4));
    let at = 8;
    let base = flags & TFHD.fromMoof ? moof : implied;
    if (flags & TFHD.base) base = Number(tfhd.readBigUInt64BE(at));
    if (flags & TFHD.base) at += 8;
    if (flags & TFHD.description) at += 4;
    if (flags & TFHD.duration) at += 4;
    const each = flags & TFHD.size ? u32(tfhd, at) : (size ?? 0);
    let place = base;
    for (const { body } of all(traf, 'trun')) {
      if (u32(body, 0) & TRUN.offset) place = base + body.readInt32BE(8);
      const bytes = bytesOfRun(body, each);
      place += bytes;
      if (size !== undefined && bytes > 0) this.#end = Math.max(this.#end, place);
    }
    return place;
  }
}

function bytesOfRun(trun: Buffer, each: number): number {
  const flags = u32(trun, 0);
  const count = u32(trun, 4);
  if (!(flags & TRUN.size)) return count * each;
  const fields = TRUN_FIELDS.filter((field) => flags & field);
  let at =
    8 + (flags & TRUN.offset ? 4 : 0) + (flags & TRUN.firstFlags ? 4 : 0) + 4 * fields.indexOf(TRUN.size);
  let bytes = 0;
  for (let sample = 0; sample < count && at + 4 <= trun.length; sample++, at += 4 * fields.length) {
    bytes += trun.readUInt32BE(at);
  }
  return bytes;
}

/** Whether some of the track's samples are in another file. */
function isElsewhere(minf: Box[]): boolean {
  const dref = first(all(minf, 'dinf').flatMap(inside), 'dref');
  return dref !== undefined && children(dref.subarray(8)).some(({ body }) => (u32(body, 0) & 1) === 0);
}

/** The first byte after the last sample that has bytes. */
function endOfTables(stbl: Box[]): number {
  const chunks = first(stbl, 'co64') ?? first(stbl, 'stco');
  const runs = first(stbl, 'stsc');
  const sizes = sizesIn(stbl);
  if (chunks === undefined || runs === undefined || sizes === undefined) return 0;
  const isLong = first(stbl, 'co64') !== undefined;
  const width = isLong ? 8 : 4;
  let [end, sample, run, perChunk] = [0, 0, 8, 0];
  for (let chunk = 1, at = 8; at + width <= chunks.length && sample < sizes.count; chunk++, at += width) {
    // Each run says at which chunk it begins, and how many samples a chunk has from there on.
    for (; run + 12 <= runs.length && u32(runs, run) <= chunk; run += 12) perChunk = u32(runs, run + 4);
    const many = Math.min(perChunk, sizes.count - sample);
    const bytes = sizes.sum(sample, many);
    sample += many;
    const place = isLong ? Number(chunks.readBigUInt64BE(at)) : chunks.readUInt32BE(at);
    if (bytes > 0) end = Math.max(end, place + bytes);
  }
  return end;
}

interface Sizes {
  count: number;
  /** Bytes of so many samples, from this one on. */
  sum(from: number, many: number): number;
}

function sizesIn(stbl: Box[]): Sizes | undefined {
  const stsz = first(stbl, 'stsz');
  const compact = first(stbl, 'stz2');
  const table = stsz ?? compact;
  if (table === undefined) return undefined;
  const count = u32(table, 8);
  const same = stsz === undefined ? 0 : u32(stsz, 4);
  if (same !== 0) {
    const each = same === 1 ? bytesPerSample(first(stbl, 'stsd')) : same;
    return { count, sum: (_, many) => many * each };
  }
  const bits = stsz === undefined ? u32(table, 4) & 0xff : 32;
  const sizeOf = (sample: number) => {
    const at = 12 + Math.floor((sample * bits) / 8);
    if (at + bits / 8 > table.length) return 0;
    if (bits === 4) return sample % 2 === 0 ? (table[at] as number) >> 4 : (table[at] as number) & 15;
    return table.readUIntBE(at, bits / 8);
  };
  const isKnown = [4, 8, 16, 32].includes(bits);
  return {
    count: isKnown ? Math.min(count, Math.floor(((table.length - 12) * 8) / bits)) : 0,
    sum(from, many) {
      let bytes = 0;
      for (let sample = from; sample < from + many; sample++) bytes += sizeOf(sample);
      return bytes;
    },
  };
}

/** QuickTime says 1 for samples of sound that take more. Where only the decoder knows how many, 1 proves least. */
function bytesPerSample(stsd: Buffer | undefined): number {
  if (stsd === undefined || stsd.length < SOUND.bits + 2) return 1;
  const version = stsd.readUInt16BE(SOUND.version);
  if (version === 0) {
    const format = stsd.toString('latin1', SOUND.format, SOUND.format + 4);
    // Both always say 16 bits, which are those of the decoded sound.
    const bytes = LOGARITHMIC.includes(format) ? 1 : Math.floor(stsd.readUInt16BE(SOUND.bits) / 8);
    const isCounted = LOGARITHMIC.includes(format) || LINEAR.includes(format);
    return isCounted ? Math.max(1, stsd.readUInt16BE(SOUND.channels) * bytes) : 1;
  }
  if (version !== 1 || stsd.length < SOUND.bytesPerFrame + 4) return 1;
  const perPacket = u32(stsd, SOUND.perPacket);
  return perPacket === 0 ? 1 : u32(stsd, SOUND.bytesPerFrame) / perPacket;
}

function all(boxes: readonly Box[], type: string): Box[] {
  return boxes.filter((box) => box.type === type);
}

function first(boxes: readonly Box[], type: string): Buffer | undefined {
  return boxes.find((box) => box.type === type)?.body;
}

function inside({ body }: Box): Box[] {
  return children(body);
}

function u32(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at);
}

/** A broken box proves nothing. ffmpeg says what is wrong with it. */
function leniently(read: () => void): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  }
}
