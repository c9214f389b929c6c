/** Reads when the samples of a track are decoded and shown. ISO/IEC 14496-12, 8.6.1. */
import { count } from './sample-tables.ts';

/** In frames. A frame of a constant rate is nearer to its place than this: the place of the next one is 1 away. */
export const MOST_OFF_GRID = 0.2;
/** H.264 holds back at most so many pictures. ITU-T H.264, A.3.1. */
const MOST_REORDERED = 16;

/** Calls back for each run of samples of one value. They are as many as there are samples, or it throws an Error. */
function eachRun(
  body: Buffer,
  type: string,
  samples: number,
  found: (samples: number, at: number) => void,
): void {
  const runs = count(body, type, 8);
  let sum = 0;
  for (let run = 0; run < runs; run++) {
    const own = body.readUInt32BE(8 + 8 * run);
    if (own === 0 || sum + own > samples)
      throw new Error(`Expected ${type} of ${samples} samples, got ${own} after ${sum}`);
    found(own, 12 + 8 * run);
    sum += own;
  }
  if (sum !== samples) throw new Error(`Expected ${type} of ${samples} samples, got ${sum}`);
}

export interface Shown {
  /** When each frame is shown, counted in frames from the first; null: in the order of decoding. */
  order: Uint32Array | null;
  /** In ticks, when the frame is shown that is shown as the first, second, ... one, from 0 on. */
  timeOf: (place: number) => number;
}

/**
 * In which order frames are shown, and when. Throws an Error if two are shown at one time, if another frame than the first
 * one is shown first, or if decoders would have to hold back more than they can.
 */
export function shownOf(stts: Buffer, ctts: Buffer | undefined, frames: number): Shown {
  // So are most clips: no time of a frame needs to be looked at.
  const isEven = ctts === undefined && stts.length === 16 && stts.readUInt32BE(8) === frames;
  const ticks = isEven && stts.readUInt32BE(4) === 1 ? stts.readUInt32BE(12) : 0;
  if (ticks > 0) return { order: null, timeOf: (place) => place * ticks };
  const times = new Float64Array(frames);
  let [frame, time] = [0, 0];
  eachRun(stts, 'stts', frames, (samples, at) => {
    const ticks = stts.readUInt32BE(at);
    for (const end = frame + samples; frame < end; frame++) {
      times[frame] = time;
      time += ticks;
    }
  });
  frame = 0;
  if (ctts !== undefined) {
    eachRun(ctts, 'ctts', frames, (samples, at) => {
      // May be negative in both versions: ffmpeg reads it so.
      const later = ctts.readInt32BE(at);
      for (const end = frame + samples; frame < end; frame++) times[frame] = (times[frame] as number) + later;
    });
  }
  return ranked(times);
}

/** Moves each frame before those that are shown later. They are few, so that nothing else needs to be compared. */
function ranked(times: Float64Array): Shown {
  const shown = new Uint32Array(times.length);
  const timeOf = (place: number) => times[shown[place] as number] as number;
  let isRising = true;
  for (let frame = 0; frame < times.length; frame++) {
    const time = times[frame] as number;
    let place = frame;
    for (; place > 0 && timeOf(place - 1) >= time; place--) {
      if (timeOf(place - 1) === time)
        throw new Error(`Expected frames at different times, got two at ${time}`);
      if (frame - place === MOST_REORDERED)
        throw new Error(`Expected frames at most ${MOST_REORDERED} places early, got frame ${frame + 1}`);
      shown[place] = shown[place - 1] as number;
      isRising = false;
    }
    shown[place] = frame;
  }
  if (isRising) return { order: null, timeOf };
  const order = new Uint32Array(times.length);
  for (let place = 0; place < shown.length; place++) order[shown[place] as number] = place;
  if (order[0] !== 0) throw new Error(`Expected the first frame to be shown first, got place ${order[0]}`);
  return { order, timeOf };
}

/**
 * The largest distance of a frame from its place on a grid that begins with the first one, in frames. A tick of it does not
 * count, because containers round times.
 */
export function offGrid({ timeOf }: Shown, frames: number, ticksPerFrame: number): number {
  const first = timeOf(0);
  let most = 0;
  for (let place = 0; place < frames; place++) {
    most = Math.max(most, Math.abs(timeOf(place) - first - place * ticksPerFrame));
  }
  return Math.max(0, most - 1) / ticksPerFrame;
}

/** Samples per channel of all packets of so many each, of which the last may be shorter. */
export function lengthOf(stts: Buffer, packets: number, each: number): number {
  let [length, rest] = [0, packets];
  eachRun(stts, 'stts', packets, (samples, at) => {
    const ticks = stts.readUInt32BE(at);
    rest -= samples;
    const isLast = rest === 0 && samples === 1 && ticks >= 1 && ticks <= each;
    if (ticks !== each && !isLast) throw new Error(`Expected packets of ${each} samples, got ${ticks}`);
    length += samples * ticks;
  });
  return length;
}
