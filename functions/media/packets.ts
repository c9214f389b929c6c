/** Parses the packet list of `-c copy -f framecrc -`, which shows what a file contains whatever its header says. */
import { type FrameRate, framesPerSecond, STANDARD_RATES } from '../model/frame-rate.ts';

export interface Packets {
  kind: 'video' | 'audio';
  /** Seconds, in order of presentation. Packets before 0, which an edit list cuts off, are left out. */
  times: number[];
  /** When the last packet ends, in seconds. */
  end: number;
}

const NO_TIMESTAMP = -(2n ** 63n);
/** Fewer packets say too little about a rate. */
const LEAST_PACKETS = 10;
/** A constant rate this near to a standard one counts as that one. 29.97 and 30 are 0.1 % apart. */
const SAME_RATE = 0.0009;
const SAME_VARIABLE_RATE = 0.03;
/** If more than this share of the gaps is unusual, the rate is variable. Up to it, they are dropped frames. */
const VARIABLE = 0.02;

/** The streams of a framecrc list, in its order. */
export function readPackets(framecrc: string): Packets[] {
  const streams: (Packets & { tick: number })[] = [];
  for (const line of framecrc.split('\n')) {
    const header = /^#(tb|media_type) (\d+): (?:(\d+)\/(\d+)|(\w+))/.exec(line);
    if (header !== null) {
      const at = Number(header[2]);
      const stream = streams[at] ?? { kind: 'audio', times: [], end: 0, tick: 1 };
      streams[at] = stream;
      if (header[1] === 'tb') stream.tick = Number(header[3]) / Number(header[4]);
      else stream.kind = header[5] === 'video' ? 'video' : 'audio';
      continue;
    }
    const packet = /^(\d+), +(-?\d+), +(-?\d+), +(\d+),/.exec(line);
    const stream = packet && streams[Number(packet[1])];
    if (!packet || !stream) continue;
    // AVI has timestamps for decoding only.
    const ticks = Number(BigInt(packet[3] as string) === NO_TIMESTAMP ? packet[2] : packet[3]);
    const time = ticks * stream.tick;
    stream.end = Math.max(stream.end, time + Number(packet[4]) * stream.tick);
    if (time >= 0) stream.times.push(time);
  }
  for (const { times } of streams) times.sort((one, other) => one - other);
  return streams.map(({ kind, times, end }) => ({ kind, times, end }));
}

/**
 * Frames per second from the frames themselves: the standard rate that they keep, or else the measured one. `fallback`
 * is the header's rate, used if there are too few frames.
 */
export function measureRate(times: readonly number[], fallback: number): FrameRate {
  const gaps = times.slice(1).map((time, at) => time - (times[at] as number));
  const median = gaps.toSorted((one, other) => one - other)[gaps.length >> 1] ?? 0;
  if (times.length < LEAST_PACKETS || median <= 0) return standard(fallback, SAME_RATE) ?? exact(fallback);
  // Containers with millisecond timestamps round each of them by up to 1 ms.
  const off = gaps.filter((gap) => Math.abs(gap - median) > 0.25 * median + 0.0011);
  if (off.length === 0) {
    const fps = 1 / slope(times);
    return standard(fps, SAME_RATE) ?? exact(fps);
  }
  // The rate apart from pauses and dropped frames.
  const running = gaps.filter((gap) => Math.abs(gap - median) <= 0.25 * median + 0.0011);
  const fps = running.length / running.reduce((sum, gap) => sum + gap, 0);
  const within = off.length <= gaps.length * VARIABLE ? SAME_RATE : SAME_VARIABLE_RATE;
  return standard(fps, within) ?? standard(1 / median, within) ?? exact(fps);
}

/** In frames. At half a frame from its place on the grid, a frame could just as well be the next one. */
const MOST_OFF_GRID = 0.45;

/**
 * When a grid of this rate begins that has exactly one frame on each place, in seconds. Null if there is no such grid,
 * because frames were dropped or the rate drifts.
 */
export function gridStart(times: readonly number[], rate: FrameRate): number | null {
  if (times.length === 0) return null;
  const frame = rate.den / rate.num;
  const offsets = times.map((time, at) => time - at * frame);
  const [least, most] = [Math.min, Math.max].map((pick) => offsets.reduce((one, other) => pick(one, other)));
  const start = Math.round(((least as number) + (most as number)) * 5e5) / 1e6 + 0;
  return (most as number) - start < MOST_OFF_GRID * frame ? start : null;
}

/**
 * Seconds per frame by least squares. First and last timestamp alone are not precise enough: in a phone's clip every
 * timestamp wavers by some milliseconds, and in whole milliseconds a gap of 1/60 s is 17.
 */
function slope(times: readonly number[]): number {
  const middle = (times.length - 1) / 2;
  const sum = times.reduce((total, time, at) => total + (at - middle) * time, 0);
  return sum / times.reduce((total, _, at) => total + (at - middle) ** 2, 0);
}

function standard(fps: number, within: number): FrameRate | undefined {
  const distance = (rate: FrameRate) => Math.abs(framesPerSecond(rate) / fps - 1);
  const [nearest] = STANDARD_RATES.filter((rate) => distance(rate) <= within).toSorted(
    (one, other) => distance(one) - distance(other),
  );
  return nearest;
}

function exact(fps: number): FrameRate {
  return { num: Math.max(1, Math.round(fps * 1000)), den: 1000 };
}
