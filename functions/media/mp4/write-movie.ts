/**
 * Writes a finished video: the frames of its clips and the packets of its soundtrack as they are, behind an index of our
 * own, in one pass. ISO/IEC 14496-12, -14 and -15.
 */
import { type FileHandle, open } from 'node:fs/promises';
import type { Chunk, Movie, Placed } from './movie.ts';
import { moovBox } from './movie-index.ts';
import type { Picture, Samples } from './tracks.ts';

const PIECE = 4 * 1024 * 1024;

/** Writes the video to a new file. Throws an Error if the clips do not belong together. */
export async function writeMovie(
  movie: Movie,
  out: string,
  { signal }: { signal: AbortSignal },
): Promise<void> {
  refuseUnequal(movie.clips);
  const frames = joined(movie.clips);
  const packets = packetsOf(movie);
  const chunks = interleaved(frames.length, packets.length, movie);
  const sizeOf = ({ track, from, to }: Chunk) => {
    const samples = track === 'picture' ? frames : packets;
    let bytes = 0;
    for (let at = from; at < to; at++) bytes += samples[at]?.bytes ?? 0;
    return bytes;
  };
  const sizes = chunks.map(sizeOf);
  // The index comes first and has the same length wherever the media begins.
  const head = (start: number) => moovBox(movie, { frames, packets, chunks, sizes, start });
  const begin = head(0).length + MDAT_HEADER;
  await using files = new AsyncDisposableStack();
  const target = files.use(await open(out, 'wx'));
  const sources = new Map<string, FileHandle>();
  for (const { file } of [...movie.clips, movie.sound]) {
    if (!sources.has(file)) sources.set(file, files.use(await open(file)));
  }
  await target.write(head(begin));
  await target.write(mdatHeader(sizes.reduce((sum, size) => sum + size, 0)));
  const piece = Buffer.allocUnsafe(PIECE);
  for (const { file, at, bytes } of ranges(chunks, { picture: frames, sound: packets })) {
    for (let done = 0; done < bytes; ) {
      signal.throwIfAborted();
      const wanted = Math.min(piece.length, bytes - done);
      const { bytesRead } = await (sources.get(file) as FileHandle).read(piece, 0, wanted, at + done);
      if (bytesRead === 0)
        throw new Error(`Expected ${bytes} bytes at ${at} of a prepared file, got ${done}`);
      await target.writeFile(piece.subarray(0, bytesRead));
      done += bytesRead;
    }
  }
}

/** Always in the long form, so that the index has one length. */
const MDAT_HEADER = 16;

function mdatHeader(bytes: number): Buffer {
  const header = Buffer.alloc(MDAT_HEADER);
  header.writeUInt32BE(1, 0);
  header.write('mdat', 4, 'latin1');
  header.writeBigUInt64BE(BigInt(bytes + MDAT_HEADER), 8);
  return header;
}

function joined(parts: readonly Samples[]): Placed[] {
  return parts.flatMap(({ file, sizes, offsets }) =>
    Array.from(sizes, (bytes, at) => ({ file, at: offsets[at] as number, bytes })),
  );
}

function packetsOf({ sound, editLists }: Movie): Placed[] {
  return joined([sound]).slice(editLists ? 0 : sound.priming);
}

/** Half a second of picture, half a second of sound. */
function interleaved(frames: number, packets: number, { rate, sound, editLists }: Movie): Chunk[] {
  const half = Math.max(1, Math.round(rate.num / rate.den / 2));
  const chunks: Chunk[] = [];
  let heard = 0;
  for (let from = 0; from < frames; from += half) {
    const to = Math.min(frames, from + half);
    chunks.push({ track: 'picture', from, to });
    const until = (to * rate.den * 48_000) / rate.num / 1024 + (editLists ? sound.priming : 0);
    const end = to === frames ? packets : Math.min(packets, Math.floor(until));
    if (end > heard) chunks.push({ track: 'sound', from: heard, to: end });
    heard = Math.max(heard, end);
  }
  return chunks;
}

/** What stands together in a file is copied together. */
function* ranges(
  chunks: readonly Chunk[],
  tracks: Record<Chunk['track'], readonly Placed[]>,
): Generator<Placed> {
  let last: Placed | undefined;
  for (const { track, from, to } of chunks) {
    for (let at = from; at < to; at++) {
      const next = tracks[track][at] as Placed;
      if (last !== undefined && last.file === next.file && last.at + last.bytes === next.at) {
        last.bytes += next.bytes;
        continue;
      }
      if (last !== undefined) yield last;
      last = { ...next };
    }
  }
  if (last !== undefined) yield last;
}

/** Copied frames are decoded with the header of the first clip. With another header they show as garbage. */
function refuseUnequal(clips: readonly Picture[]): void {
  const kinds = new Set(
    clips.map(({ entry, width, height }) => `${width}x${height} ${entry.toString('hex')}`),
  );
  if (kinds.size !== 1) throw new Error(`Expected clips with one header, got ${kinds.size}`);
}
