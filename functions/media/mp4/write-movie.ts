/**
 * Writes a finished video: the frames of its clips and the packets of its soundtrack as they are, behind an index of our
 * own, in one pass. ISO/IEC 14496-12, -14 and -15.
 */
import { type FileHandle, open, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { isDiskFull } from '../../base/errors.ts';
import type { FrameRate } from '../../model/frame-rate.ts';
import { diskFull } from '../ffmpeg-error.ts';
import { factsOf, type MovieFacts } from './facts.ts';
import { type Film, type Layout, layoutOf, type Movie, skippedPackets } from './movie.ts';
import { headOf } from './movie-index.ts';
import type { Picture, Samples } from './tracks.ts';

export type { MovieFacts } from './facts.ts';

/** Read and written at a time. Larger ones are not faster, nor is reading ahead: most of the time goes into the bytes. */
const PIECE = 1024 * 1024;

/**
 * Writes the video to a new file and says what is in it. It is not synced: whoever gives it its final name does that.
 * Throws an Error if the clips do not belong together or a source is shorter than it was, TransientError 'disk_full', and
 * the signal's reason if aborted. Then no file is left.
 */
export async function writeMovie(
  movie: Movie,
  out: string,
  { signal }: { signal: AbortSignal },
): Promise<MovieFacts> {
  const { layout, head } = await write(movie, out, signal);
  return factsOf(movie, layout, head.length);
}

/** Writes the picture alone, in the same way, and with the same errors. */
export async function writePicture(
  clip: Picture,
  rate: FrameRate,
  out: string,
  { signal }: { signal: AbortSignal },
): Promise<void> {
  await write({ clips: [clip], sound: null, rate, editLists: false }, out, signal);
}

async function write(
  movie: Film,
  out: string,
  signal: AbortSignal,
): Promise<{ layout: Layout; head: Buffer }> {
  signal.throwIfAborted();
  const layout = layoutOf(movie);
  const head = headOf(movie, layout);
  const target = await open(out, 'wx').catch(failed);
  try {
    try {
      await copy(movie, layout, new Output(target, head, signal));
    } finally {
      await target.close();
    }
  } catch (error) {
    await rm(out, { force: true });
    return failed(error);
  }
  return { layout, head };
}

function failed(error: unknown): never {
  throw isDiskFull(error) ? diskFull(error) : error;
}

async function copy(movie: Film, { turns, text }: Layout, output: Output): Promise<void> {
  const { clips, sound } = movie;
  await using files = new AsyncDisposableStack();
  const sources = new Map<string, FileHandle>();
  for (const { file } of [...clips, ...(sound === null ? [] : [sound])]) {
    if (!sources.has(file)) sources.set(file, files.use(await open(file)));
  }
  const picture = new Reel(clips, sources);
  const packets = new Reel(sound === null ? [] : [sound], sources, skippedPackets(movie));
  let texts = 0;
  for (let turn = 0; turn < turns.frames.length; turn++) {
    await picture.copyUntil(turns.frames[turn] as number, output);
    await packets.copyUntil(turns.packets[turn] as number, output);
    for (; texts < (turns.texts[turn] as number); texts++)
      await output.addBytes(text?.samples[texts] as Buffer);
  }
  await output.end();
}

/** The samples of one track, from several files one after the other. */
class Reel {
  readonly #parts: readonly Samples[];
  readonly #sources: ReadonlyMap<string, FileHandle>;
  #part = 0;
  /** Within the part. */
  #sample: number;
  /** Of the film, written ones. */
  #done = 0;

  constructor(parts: readonly Samples[], sources: ReadonlyMap<string, FileHandle>, skipped = 0) {
    this.#parts = parts;
    this.#sources = sources;
    this.#sample = skipped;
  }

  /** What stands together in a source is copied together. */
  async copyUntil(end: number, output: Output): Promise<void> {
    while (this.#done < end) {
      const { file, sizes, offsets } = this.#parts[this.#part] as Samples;
      const begin = offsets[this.#sample] as number;
      let until = begin;
      while (this.#done < end && this.#sample < sizes.length && offsets[this.#sample] === until) {
        until += sizes[this.#sample] as number;
        this.#sample += 1;
        this.#done += 1;
      }
      await output.add(file, this.#sources.get(file) as FileHandle, begin, until - begin);
      if (this.#sample < sizes.length) continue;
      this.#part += 1;
      this.#sample = 0;
    }
  }
}

/** Gathers small ranges, so that the file is written in large pieces. */
class Output {
  readonly #target: FileHandle;
  readonly #signal: AbortSignal;
  readonly #piece = Buffer.allocUnsafe(PIECE);
  #filled = 0;
  /** Written after the pieces before it; a whole index, however long. */
  #head: Buffer | undefined;

  constructor(target: FileHandle, head: Buffer, signal: AbortSignal) {
    this.#target = target;
    this.#head = head;
    this.#signal = signal;
  }

  async add(file: string, source: FileHandle, at: number, bytes: number): Promise<void> {
    for (let done = 0; done < bytes; ) {
      if (this.#filled === PIECE) await this.#flush();
      this.#signal.throwIfAborted();
      const wanted = Math.min(PIECE - this.#filled, bytes - done);
      const { bytesRead } = await source.read(this.#piece, this.#filled, wanted, at + done);
      if (bytesRead === 0)
        throw new Error(`Expected ${bytes} bytes at ${at} of ${basename(file)}, got ${done}: it was cut off`);
      this.#filled += bytesRead;
      done += bytesRead;
    }
  }

  async addBytes(bytes: Buffer): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      if (this.#filled === PIECE) await this.#flush();
      const copied = bytes.copy(this.#piece, this.#filled, done);
      this.#filled += copied;
      done += copied;
    }
  }

  async end(): Promise<void> {
    await this.#flush();
    this.#signal.throwIfAborted();
  }

  async #flush(): Promise<void> {
    this.#signal.throwIfAborted();
    if (this.#head !== undefined) await this.#write(this.#head);
    this.#head = undefined;
    await this.#write(this.#piece.subarray(0, this.#filled));
    this.#filled = 0;
  }

  async #write(bytes: Buffer): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      done += (await this.#target.write(bytes, done, bytes.length - done)).bytesWritten;
    }
  }
}
