/**
 * Parses the output of `-c copy -f framecrc -`: what a file contains, whatever its header and its metadata say.
 * https://ffmpeg.org/ffmpeg-formats.html#framecrc
 */
import { PermanentError } from '../base/errors.ts';

/** One stream of the list. */
export interface ListedStream {
  kind: 'video' | 'audio';
  /** As ffmpeg names it; "none" if it does not know it. */
  codec: string;
  /** As stored; 0 for sound and if it is not known. */
  width: number;
  height: number;
  /** Width of a sample divided by its height. */
  sampleAspect: number;
  /** Samples per second; 0 for pictures. */
  sampleRate: number;
  /** Of a layout without a name; 0 for those with a name, which have at most 24. */
  channels: number;
  /** As ffmpeg names the places of the channels; empty for pictures. */
  layout: string;
  /** Seconds, in order of presentation. Packets before 0 and discarded ones, which an edit list cuts off, are left out. */
  times: Float64Array;
  /** How many of these have bytes. */
  shown: number;
  /** All packets with bytes. They are decoded even if they are not shown. */
  filled: number;
  /** When the last packet that is shown ends, in seconds. */
  end: number;
  /** The same of the last one with bytes. AVI repeats the frame before for frames that have none. */
  filledEnd: number;
  /** How long that one lasts. */
  lastSeconds: number;
  /**
   * Listed times of packets that are left out of `times` because their own were earlier than those before: a second
   * recording was joined to the first, and its times begin anew. See restarts.ts for those of a picture.
   */
  restarted: Float64Array;
  /** Some packet carries more than its own bytes, such as transparency. */
  extras: boolean;
  /** Packets that are damaged, that an edit list cuts off, or that are shown before 0. */
  cut: number;
  /** Packets that an edit list cuts off. */
  discarded: number;
}

/** An hour and a half of film at 60 frames a second with sound. Each takes 8 bytes here and 24 in ffmpeg's index. */
export const MAX_PACKETS = 600_000;
const NO_TIMESTAMP = '-9223372036854775808';
const HEADER = /^#(\w+) (\d{1,3}): (.*)$/;
const PACKET = /^(\d{1,3}), +(-?\d+), +(-?\d+), +(\d+), +(\d+),/;
/** Of 32 channels, each with a name. */
const LONGEST_LAYOUT = 400;
const EXTRAS = /, S=\d/;
/** Flags with AV_PKT_FLAG_CORRUPT (2) or AV_PKT_FLAG_DISCARD (4). */
const CUT = /, F=0x[0-9A-F]*[2-7A-F](?![0-9A-F])/;
/** Flags with AV_PKT_FLAG_DISCARD (4): decoded because others depend on it, but not shown. */
const DISCARDED = /, F=0x[0-9A-F]*[4-7C-F](?![0-9A-F])/;

/** ffmpeg lists a packet whose time is earlier than that of the one before at the same time. So many are no accident. */
export const LEAST_RESTARTED = 8;

interface Listing extends Omit<ListedStream, 'times' | 'restarted'> {
  tick: number;
  times: number[];
  /** When the packet before was decoded, in ticks as listed. */
  lastDecoded: string;
  /** Which of the times are as late as the one before. */
  repeats: number[];
  /** How many of these are in a row now, and were at most. */
  run: number;
  longestRun: number;
}

/** Reads the list line by line while ffmpeg writes it. */
export class PacketReader {
  readonly #streams: Listing[] = [];
  #packets = 0;

  /** Throws PermanentError 'media_unreadable' at packet MAX_PACKETS + 1. */
  add(line: string): void {
    const packet = PACKET.exec(line);
    if (packet === null) {
      const header = HEADER.exec(line);
      if (header !== null) this.#describe(header[1] as string, Number(header[2]), header[3] as string);
      return;
    }
    const { [Number(packet[1])]: stream } = this.#streams;
    if (stream === undefined) return;
    this.#packets += 1;
    if (this.#packets > MAX_PACKETS) throw tooManyPackets(`more than ${MAX_PACKETS}`);
    // AVI has timestamps for decoding only.
    const time = Number(packet[3] === NO_TIMESTAMP ? packet[2] : packet[3]) * stream.tick;
    const end = time + Number(packet[4]) * stream.tick;
    const isFilled = packet[5] !== '0';
    if (isFilled) stream.filled += 1;
    if (!stream.extras) stream.extras = EXTRAS.test(line);
    const isRepeat = packet[2] === stream.lastDecoded;
    stream.lastDecoded = packet[2] as string;
    stream.run = isRepeat ? stream.run + 1 : 0;
    stream.longestRun = Math.max(stream.longestRun, stream.run);
    if (time < 0 || CUT.test(line)) stream.cut += 1;
    const isDiscarded = DISCARDED.test(line);
    if (isDiscarded) stream.discarded += 1;
    if (stream.kind === 'video' && isDiscarded) return;
    if (time >= 0 && isRepeat) stream.repeats.push(stream.times.length);
    if (time >= 0) stream.times.push(time);
    if (time >= 0 && isFilled) stream.shown += 1;
    stream.end = Math.max(stream.end, end);
    if (isFilled && end > stream.filledEnd) [stream.filledEnd, stream.lastSeconds] = [end, end - time];
  }

  /** The streams in the order of the list. */
  streams(): ListedStream[] {
    return this.#streams
      .filter((stream) => stream !== undefined)
      .map(({ tick: _tick, lastDecoded: _last, run: _run, longestRun, repeats, times, ...stream }) => {
        const restarted = longestRun < LEAST_RESTARTED ? new Set() : new Set(repeats);
        const those = (wanted: boolean) =>
          Float64Array.from(times.filter((_time, at) => restarted.has(at) === wanted)).sort();
        return { ...stream, restarted: those(true), times: those(false) };
      });
  }

  #describe(what: string, at: number, value: string): void {
    const stream = this.#streams[at] ?? empty();
    this.#streams[at] = stream;
    const [first = 0, second = 0] = value.split(/[x/]/, 2).map(Number);
    if (what === 'tb') stream.tick = first / second;
    else if (what === 'media_type') stream.kind = value === 'video' ? 'video' : 'audio';
    else if (what === 'codec_id') stream.codec = value;
    else if (what === 'dimensions') [stream.width, stream.height] = [first, second];
    else if (what === 'sar') stream.sampleAspect = first > 0 && second > 0 ? first / second : 1;
    else if (what === 'sample_rate') stream.sampleRate = first;
    else if (what.startsWith('channel_layout')) {
      [stream.channels, stream.layout] = [channelsOf(value), value.slice(0, LONGEST_LAYOUT)];
    }
  }
}

function empty(): Listing {
  return {
    ...{ kind: 'audio', codec: 'none', width: 0, height: 0, sampleAspect: 1, sampleRate: 0, channels: 0 },
    ...{ layout: '', times: [], shown: 0, filled: 0, end: 0, filledEnd: 0, lastSeconds: 0, extras: false },
    ...{ tick: 1, lastDecoded: '', repeats: [], run: 0, longestRun: 0, cut: 0, discarded: 0 },
  };
}

/** See ListedStream.channels. */
function channelsOf(layout: string): number {
  const numbered = /^(\d+) channels/.exec(layout)?.[1];
  if (numbered !== undefined) return Number(numbered);
  const order = /^ambisonic (\d+)/.exec(layout)?.[1];
  return order === undefined ? 0 : (Number(order) + 1) ** 2;
}

export function tooManyPackets(actual: string): PermanentError {
  return new PermanentError(
    'media_unreadable',
    'probe',
    `Expected a file of at most ${MAX_PACKETS} frames and pieces of sound, got ${actual}. Cut it, or export it again.`,
  );
}
