/**
 * Tells joined recordings, whose times begin anew, from pictures that share a time. ffmpeg's list shows both alike, so the
 * picture is listed once more, with times that ffmpeg does not correct.
 */
import { PermanentError } from '../base/errors.ts';
import { listTo } from './examine.ts';
import type { Ffmpeg } from './ffmpeg.ts';
import type { MediaInfo } from './media-info.ts';
import { LEAST_RESTARTED, type ListedStream } from './packets.ts';
import { untrustedInput } from './untrusted.ts';

/**
 * ffmpeg corrects a packet that would be decoded before the one that precedes it. Here these times are numbers, which
 * always grow, and the real ones are listed as times of presentation, which must not be earlier than the numbers.
 */
const UNCORRECTED = ['-bsf:v', 'setts=pts=DTS:dts=N-1000000000000'];
const PACKET = /^0, +-?\d+, +(-?\d+),/;
/** A picture may be stored twice. If more than three in four are at the time of the one before, most would never be seen. */
const LEAST_TIMED = 0.25;

/**
 * As listed, but `restarted` has no more packets than are earlier than those before, and none unless many of these are in a
 * row. Throws PermanentError 'media_unreadable' if hardly any picture has a time of its own.
 */
export async function withRestarts(
  ffmpeg: Ffmpeg,
  file: string,
  { video }: MediaInfo,
  film: ListedStream,
  signal: AbortSignal,
): Promise<ListedStream> {
  if (video === null || film.restarted.length === 0) return film;
  const order = new DecodingOrder();
  const picture = ['-map', `0:${video.stream}`, '-c', 'copy', ...UNCORRECTED];
  const args = ['-v', 'error', '-nostats', ...untrustedInput(file), ...picture, '-f', 'framecrc', '-'];
  await listTo(ffmpeg, file, args, { signal, onLine: (line) => order.add(line) });
  if (order.timed < order.packets * LEAST_TIMED) throw untimed(order);
  const { times, restarted } = film;
  // The others that share a time say nothing about the rate of a recording.
  if (order.longestRun >= LEAST_RESTARTED) return { ...film, restarted: restarted.slice(0, order.earlier) };
  return {
    ...film,
    restarted: new Float64Array(),
    times: Float64Array.from([...times, ...restarted]).sort(),
  };
}

/** When packets are decoded, in the order in which they are stored. */
class DecodingOrder {
  packets = 0;
  /** Those at another time than the one before. */
  timed = 0;
  /** Those that would be decoded before one that precedes them. */
  earlier = 0;
  /** How many of these are in a row at most. */
  longestRun = 0;
  #run = 0;
  #before = Number.NaN;
  #latest = Number.NEGATIVE_INFINITY;

  add(line: string): void {
    const found = PACKET.exec(line);
    if (found === null) return;
    const time = Number(found[1]);
    this.packets += 1;
    if (time !== this.#before) this.timed += 1;
    this.#run = time < this.#latest ? this.#run + 1 : 0;
    if (this.#run > 0) this.earlier += 1;
    this.longestRun = Math.max(this.longestRun, this.#run);
    this.#before = time;
    this.#latest = Math.max(this.#latest, time);
  }
}

function untimed({ packets, timed }: DecodingOrder): PermanentError {
  return new PermanentError(
    'media_unreadable',
    'probe',
    `Expected pictures with a time each, got ${packets} at ${timed} ${timed === 1 ? 'time' : 'times'}. ` +
      'Export the clip again as MP4 (H.264, AAC).',
  );
}
