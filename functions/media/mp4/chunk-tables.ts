/** Where frames and packets lie in a finished video. A chunk is what one track has in one turn. ISO/IEC 14496-12, 8.7. */
import { fullBox, list, type Pieces, u32 } from './build.ts';
import { bytesOf, type Layout } from './movie.ts';

export type Track = 'frames' | 'packets';

export interface Chunks {
  /** Where each begins, in bytes from the first one of the file. */
  offsets: Float64Array;
  /** How many samples each has. */
  samples: Uint32Array;
}

export interface ChunkPlaces extends Record<Track, Chunks> {
  /** Where the last one begins, in bytes from the first. */
  last: number;
  /** Where the first one begins in the file. */
  start: number;
  /** Whether places are written in 64 bits. */
  isLong: boolean;
}

/** Without the place in the file, which depends on the length of the index. */
export function chunkPlaces(layout: Layout): Pick<ChunkPlaces, Track | 'last'> {
  const { turns } = layout;
  const found = { frames: empty(turns.frames), packets: empty(turns.packets) };
  const chunks = { frames: 0, packets: 0 };
  const done = { frames: 0, packets: 0 };
  let [at, last] = [0, 0];
  for (let turn = 0; turn < turns.frames.length; turn++) {
    for (const track of ['frames', 'packets'] as const) {
      const end = turns[track][turn] as number;
      if (end === done[track]) continue;
      found[track].offsets[chunks[track]] = at;
      found[track].samples[chunks[track]++] = end - done[track];
      last = at;
      at += bytesOf(layout[track], done[track], end);
      done[track] = end;
    }
  }
  return { frames: cut(found.frames, chunks.frames), packets: cut(found.packets, chunks.packets), last };
}

/** Which samples are in which chunk, how large they are, and where the chunks are. */
export function chunkBoxes(places: ChunkPlaces, track: Track, layout: Layout): Pieces {
  const { offsets, samples } = places[track];
  const runs: number[] = [];
  for (let chunk = 0; chunk < samples.length; chunk++) {
    if (samples[chunk] !== samples[chunk - 1]) runs.push(chunk + 1, samples[chunk] as number, 1);
  }
  const words = list(Uint32Array.from(runs));
  words.writeUInt32BE(runs.length / 3, 0);
  return [
    ...fullBox('stsc', 0, 0, words),
    ...fullBox('stsz', 0, 0, u32(0), list(layout[track])),
    ...(places.isLong
      ? fullBox('co64', 0, 0, long(offsets, places.start))
      : fullBox('stco', 0, 0, list(Uint32Array.from(offsets, (offset) => places.start + offset)))),
  ];
}

function long(offsets: Float64Array, start: number): Buffer {
  const bytes = Buffer.allocUnsafe(4 + 8 * offsets.length);
  bytes.writeUInt32BE(offsets.length, 0);
  for (let at = 0; at < offsets.length; at++) {
    bytes.writeBigUInt64BE(BigInt(start + (offsets[at] as number)), 4 + 8 * at);
  }
  return bytes;
}

function empty({ length }: Uint32Array): Chunks {
  return { offsets: new Float64Array(length), samples: new Uint32Array(length) };
}

function cut({ offsets, samples }: Chunks, length: number): Chunks {
  return { offsets: offsets.subarray(0, length), samples: samples.subarray(0, length) };
}
