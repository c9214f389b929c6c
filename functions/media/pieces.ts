/**
 * Puts decoded sound at its time. ffmpeg builds its filters anew where the sound changes its rate or its channels, and
 * raw sound has no timestamps. So the packets are listed beside it, and the file is put together from them.
 */
import { open, rename, stat } from 'node:fs/promises';
import { SAMPLE_RATE } from '../model/frame-rate.ts';
import { FfmpegError } from './ffmpeg-error.ts';
import { BYTES_PER_SAMPLE } from './sound.ts';

/** A run of samples without a gap. */
export interface Piece {
  /** When it begins, in samples; negative if before the start. */
  at: number;
  samples: number;
}

/** As within one piece (min_hard_comp): smaller steps are rounding, and a click would be worse. */
const SLACK = 0.02 * SAMPLE_RATE;
const PACKET = /^0, +(-?\d+), +(-?\d+), +\d+, +(\d+),/;
const BLOCK = 1024 * 1024;
/** Of an hour of television, a few dozen. Each change costs ffmpeg some milliseconds. */
const MOST_PIECES = 10_000;

/** Reads the list of packets (framecrc) line by line. Throws FfmpegError if there are too many pieces. */
export class PieceReader {
  readonly #pieces: Piece[] = [];
  #before = Number.NEGATIVE_INFINITY;
  /** Samples whose time is not known yet: ffmpeg lists what begins before the last packet at the time of that one. */
  #waiting = 0;

  add(line: string): void {
    const found = PACKET.exec(line);
    if (found === null) return;
    const [time, samples] = [Number(found[2]), Number(found[3]) / BYTES_PER_SAMPLE];
    if (time <= this.#before) {
      this.#waiting += samples;
      return;
    }
    this.#before = time;
    this.#append({ at: time - this.#waiting, samples: this.#waiting + samples });
    this.#waiting = 0;
  }

  pieces(): readonly Piece[] {
    if (this.#waiting > 0) this.#append({ at: this.#before, samples: this.#waiting });
    this.#waiting = 0;
    return this.#pieces;
  }

  #append({ at, samples }: Piece): void {
    const last = this.#pieces.at(-1);
    if (last !== undefined && last.at + last.samples === at) last.samples += samples;
    else this.#pieces.push({ at, samples });
    if (this.#pieces.length > MOST_PIECES) throw unusable(`sound of more than ${MOST_PIECES} pieces`);
  }
}

interface Placed extends Piece {
  /** Where it is in the file that ffmpeg wrote, in samples. */
  from: number;
}

/** Where each piece goes: what would begin before 0, overlaps the one before or goes beyond `most` is cut off. */
export function placed(pieces: readonly Piece[], most: number): Placed[] {
  const kept: Placed[] = [];
  let [from, end] = [0, 0];
  for (const { at, samples } of pieces) {
    const isNear = from > 0 && Math.abs(at - end) <= SLACK;
    const start = isNear ? end : at;
    const cut = Math.max(0, end - start);
    const stop = Math.min(start + samples, most);
    if (stop > start + cut) {
      kept.push({ at: start + cut, samples: stop - start - cut, from: from + cut });
      end = stop;
    }
    from += samples;
  }
  return kept;
}

/**
 * Rewrites the file of raw sound if its pieces do not simply follow from 0. Returns its samples, at most `most`. Throws
 * FfmpegError if the file does not consist of these pieces.
 */
export async function putInPlace(file: string, pieces: readonly Piece[], most: number): Promise<number> {
  const plan = placed(pieces, most);
  const last = plan.at(-1);
  const samples = last === undefined ? 0 : last.at + last.samples;
  const whole = pieces.reduce((sum, piece) => sum + piece.samples, 0);
  const { size } = await stat(file);
  if (size !== whole * BYTES_PER_SAMPLE) throw unusable(`${size} bytes of sound instead of ${whole} samples`);
  if (plan.every(({ at, from }) => at === from) && samples === whole) return samples;
  const made = `${file}.placed`;
  await copyAll(file, made, plan);
  await rename(made, file);
  return samples;
}

/** What is between the pieces is never written, and so reads as silence. */
async function copyAll(file: string, made: string, plan: readonly Placed[]): Promise<void> {
  await using source = await open(file);
  await using target = await open(made, 'w');
  const block = Buffer.alloc(BLOCK);
  for (const { at, samples, from } of plan) {
    const bytes = samples * BYTES_PER_SAMPLE;
    for (let done = 0; done < bytes; ) {
      const most = Math.min(BLOCK, bytes - done);
      const { bytesRead } = await source.read(block, 0, most, from * BYTES_PER_SAMPLE + done);
      if (bytesRead === 0) throw new Error(`Expected ${bytes - done} more bytes of sound, got none`);
      await target.write(block, 0, bytesRead, at * BYTES_PER_SAMPLE + done);
      done += bytesRead;
    }
  }
}

/** A failure of the sound, not of this service. */
function unusable(shortMessage: string): FfmpegError {
  return new FfmpegError({ exitCode: 0, signal: null, exceeded: null, stderr: '', shortMessage });
}
