/** Reads where the samples of a track are, and refuses what does not fit together. ISO/IEC 14496-12, 8.6.2 and 8.7. */
import type { Place } from './boxes.ts';

/** 18 hours at 60 frames per second. */
export const MOST_SAMPLES = 4_000_000;

/** The entries of a table of `width` bytes each, or an Error if it has not as many as it says. */
export function count(body: Buffer, type: string, width: number, before = 4): number {
  if (body.length < before + 4) throw new Error(`Expected a table ${type}, got ${body.length} bytes`);
  const entries = body.readUInt32BE(before);
  const bytes = before + 4 + width * entries;
  if (body.length !== bytes)
    throw new Error(`Expected ${bytes} bytes of ${type} for ${entries} entries, got ${body.length}`);
  return entries;
}

/** Bytes of each sample. */
export function sizesOf(stsz: Buffer): Uint32Array {
  if (stsz.length < 12) throw new Error(`Expected a table stsz, got ${stsz.length} bytes`);
  const [equal, samples] = [stsz.readUInt32BE(4), stsz.readUInt32BE(8)];
  if (samples < 1 || samples > MOST_SAMPLES)
    throw new Error(`Expected 1 to ${MOST_SAMPLES} samples, got ${samples}`);
  count(stsz, 'stsz', equal === 0 ? 4 : 0, 8);
  const sizes = new Uint32Array(samples).fill(equal);
  for (let at = 0; equal === 0 && at < samples; at++) sizes[at] = stsz.readUInt32BE(12 + 4 * at);
  const empty = sizes.indexOf(0);
  if (empty >= 0) throw new Error(`Expected samples with bytes, got none in sample ${empty + 1}`);
  return sizes;
}

export interface ChunkTables {
  stsc: Buffer;
  stco: Buffer | undefined;
  co64: Buffer | undefined;
}

/** Where each sample begins in the file. All are within its media data. */
export function offsetsOf(
  { stsc, stco, co64 }: ChunkTables,
  sizes: Uint32Array,
  media: readonly Pick<Place, 'start' | 'end'>[],
): Float64Array {
  const table = stco ?? co64;
  if (table === undefined || (stco !== undefined && co64 !== undefined))
    throw new Error('Expected one table of chunks, got none or two');
  const chunks = count(table, 'chunks', table === co64 ? 8 : 4);
  const runs = count(stsc, 'stsc', 12);
  const offsets = new Float64Array(sizes.length);
  let [sample, chunk] = [0, 0];
  for (let run = 0; run < runs; run++) {
    const at = 8 + 12 * run;
    const [first, perChunk, entry] = [at, at + 4, at + 8].map((place) => stsc.readUInt32BE(place));
    const next = run + 1 < runs ? stsc.readUInt32BE(at + 12) - 1 : chunks;
    if (first !== chunk + 1 || next <= chunk || next > chunks)
      throw new Error(`Expected run ${run + 1} of ${chunks} chunks to begin at ${chunk + 1}, got ${first}`);
    if (entry !== 1) throw new Error(`Expected chunks with header 1, got ${entry}`);
    for (; chunk < next; chunk++) {
      const end = sample + (perChunk as number);
      if (end > sizes.length || end === sample)
        throw new Error(`Expected ${sizes.length} samples in chunks, got ${end}`);
      const from =
        table === co64 ? Number(table.readBigUInt64BE(8 + 8 * chunk)) : table.readUInt32BE(8 + 4 * chunk);
      let to = from;
      for (; sample < end; sample++) {
        offsets[sample] = to;
        to += sizes[sample] as number;
      }
      if (!media.some((box) => from >= box.start && to <= box.end))
        throw new Error(`Expected every sample in the media data, got one at ${from} to ${to}`);
    }
  }
  if (sample !== sizes.length || chunk !== chunks)
    throw new Error(`Expected ${sizes.length} samples in ${chunks} chunks, got ${sample} in ${chunk}`);
  return offsets;
}

/** Indexes of the frames at which decoding can begin, rising from the first frame; null without a table: all. */
export function syncOf(stss: Buffer | undefined, frames: number): Uint32Array | null {
  if (stss === undefined) return null;
  const sync = new Uint32Array(count(stss, 'stss', 4));
  let last = 0;
  for (let at = 0; at < sync.length; at++) {
    const number = stss.readUInt32BE(8 + 4 * at);
    if (number <= last || number > frames)
      throw new Error(`Expected rising numbers of sync frames up to ${frames}, got ${number} after ${last}`);
    sync[at] = number - 1;
    last = number;
  }
  if (sync[0] !== 0)
    throw new Error(`Expected decoding to begin at the first frame, got ${sync[0] ?? 'none'}`);
  return sync;
}
