/** Where frames and packets lie in a finished video. A chunk is what one track has in one turn. ISO/IEC 14496-12, 8.7. */
import { fullBox, list, type Pieces, u32 } from './build.ts';
import { bytesOf, type Layout } from './movie.ts';

export const TRACKS = ['frames', 'packets', 'texts'] as const;
export type Track = (typeof TRACKS)[number];

export interface Chunks {
  /** Where each begins, in bytes from the first one of the file. */
  offsets: Float64Array;
  /** How many samples each has. */
  samples: Uint32Array;
}

export interface ChunkPlaces extends Record<Track, Chunks> {
  /** Where the last one begins, in bytes from the first. */
  last: number;
}

/** Where the chunks of a track begin in the file: `stco` or `co64` without its header. */
export interface OffsetTable {
  type: 'stco' | 'co64';
  body: Buffer;
}

export function chunkPlaces(layout: Layout): ChunkPlaces {
  const { turns } = layout;
  const sizes = sizesOf(layout);
  const found = { frames: empty(turns.frames), packets: empty(turns.packets), texts: empty(turns.texts) };
  const chunks = { frames: 0, packets: 0, texts: 0 };
  const done = { frames: 0, packets: 0, texts: 0 };
  let [at, last] = [0, 0];
  for (let turn = 0; turn < turns.frames.length; turn++) {
    for (const track of TRACKS) {
      const end = turns[track][turn] as number;
      if (end === done[track]) continue;
      found[track].offsets[chunks[track]] = at;
      found[track].samples[chunks[track]++] = end - done[track];
      last = at;
      at += bytesOf(sizes[track], done[track], end);
      done[track] = end;
    }
  }
  return {
    frames: cut(found.frames, chunks.frames),
    packets: cut(found.packets, chunks.packets),
    texts: cut(found.texts, chunks.texts),
    last,
  };
}

/** Bytes of each sample that is written. */
export function sizesOf({ frames, packets, text }: Layout): Record<Track, Uint32Array> {
  return { frames, packets, texts: text?.sizes ?? new Uint32Array() };
}

/** Of all media, in bytes. */
export function mediaBytes(layout: Layout): number {
  return Object.values(sizesOf(layout)).reduce((sum, sizes) => sum + bytesOf(sizes, 0, sizes.length), 0);
}

/** Which samples are in which chunk, how large they are, and where the chunks are. */
export function chunkBoxes({ samples }: Chunks, sizes: Uint32Array, { type, body }: OffsetTable): Pieces {
  const runs: number[] = [];
  for (let chunk = 0; chunk < samples.length; chunk++) {
    if (samples[chunk] !== samples[chunk - 1]) runs.push(chunk + 1, samples[chunk] as number, 1);
  }
  const words = list(Uint32Array.from(runs));
  words.writeUInt32BE(runs.length / 3, 0);
  return [
    ...fullBox('stsc', 0, 0, words),
    ...fullBox('stsz', 0, 0, u32(0), list(sizes)),
    ...fullBox(type, 0, 0, body),
  ];
}

/** Without places: they depend on the length of the index, which this table is a part of. */
export function offsetTable({ offsets }: Chunks, isLong: boolean): OffsetTable {
  const body = Buffer.alloc(4 + (isLong ? 8 : 4) * offsets.length);
  body.writeUInt32BE(offsets.length, 0);
  return { type: isLong ? 'co64' : 'stco', body };
}

/** @param start where the first chunk of the file begins */
export function fillOffsets({ type, body }: OffsetTable, { offsets }: Chunks, start: number): void {
  for (let at = 0; at < offsets.length; at++) {
    const place = start + (offsets[at] as number);
    if (type === 'co64') body.writeBigUInt64BE(BigInt(place), 4 + 8 * at);
    else body.writeUInt32BE(place, 4 + 4 * at);
  }
}

function empty({ length }: Uint32Array): Chunks {
  return { offsets: new Float64Array(length), samples: new Uint32Array(length) };
}

function cut({ offsets, samples }: Chunks, length: number): Chunks {
  return { offsets: offsets.subarray(0, length), samples: samples.subarray(0, length) };
}
