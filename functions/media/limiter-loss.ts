/**
 * Estimates how much loudness a limiter takes, from the peaks and the energy of each millisecond. Trying it with ffmpeg takes
 * ten times as long. Tones are not weighted: only the ratio of the sound with and without the limiter matters.
 */
import { open } from 'node:fs/promises';
import { SAMPLE_RATE } from '../model/frame-rate.ts';

/** Of a sound, per millisecond; the last one may be incomplete. */
export interface Envelope {
  /** Highest value of both channels. */
  peaks: Float32Array;
  /** Sum of squares. */
  energies: Float32Array;
}

const CHANNELS = 2;
const VALUES_PER_MS = (SAMPLE_RATE / 1000) * CHANNELS;
/** Whole milliseconds. */
const PIECE_BYTES = VALUES_PER_MS * 4 * 2048;
/** As those of `master` in mix-graph.ts. */
const ATTACK_MS = 5;
const RELEASE_MS = 80;
/** EBU R128: blocks of 400 ms, every 100 ms; those 10 LU below the mean of all do not count. */
const BLOCK_MS = 400;
const STEP_MS = 100;
/** 10 LU. */
const GATE = 0.1;

/** @param file raw 32-bit floating point stereo at 48 kHz */
export async function readEnvelope(file: string): Promise<Envelope> {
  await using handle = await open(file);
  const { size } = await handle.stat();
  const count = Math.ceil(size / 4 / VALUES_PER_MS);
  const envelope = { peaks: new Float32Array(count), energies: new Float32Array(count) };
  const values = new Float32Array(PIECE_BYTES / 4);
  for (let block = 0; block < count; ) {
    const { bytesRead } = await handle.read(values, 0, PIECE_BYTES, block * VALUES_PER_MS * 4);
    if (bytesRead === 0) break;
    const most = Math.floor(bytesRead / 4);
    for (let from = 0; from < most; from += VALUES_PER_MS) {
      addBlock(envelope, block++, values, from, Math.min(most, from + VALUES_PER_MS));
    }
  }
  return envelope;
}

function addBlock(envelope: Envelope, block: number, values: Float32Array, from: number, to: number): void {
  let peak = 0;
  let energy = 0;
  for (let at = from; at < to; at++) {
    const value = values[at] as number;
    energy += value * value;
    if (value > peak) peak = value;
    else if (-value > peak) peak = -value;
  }
  envelope.peaks[block] = peak;
  envelope.energies[block] = energy;
}

/** How many LU less a sound has after that gain if its peaks are limited. @param gain decibels @param limit 0 to 1 */
export function limiterLoss({ peaks, energies }: Envelope, gain: number, limit: number): number {
  const most = limit / 10 ** (gain / 20);
  const passed = new Float64Array(peaks.length);
  for (let at = 0; at < passed.length; at++) passed[at] = Math.min(1, most / (peaks[at] as number));
  // It sees a peak before it comes, and lets go of it slowly.
  for (let at = peaks.length - 2; at >= 0; at--) {
    const next = passed[at + 1] as number;
    passed[at] = Math.min(passed[at] as number, next + (1 - next) / ATTACK_MS);
  }
  let held = 1;
  let step = 0;
  const limited = new Float64Array(energies.length);
  for (let at = 0; at < limited.length; at++) {
    const wanted = passed[at] as number;
    if (wanted <= held + step) {
      held = wanted;
      step = (1 - wanted) / RELEASE_MS;
    } else held = Math.min(1, held + step);
    limited[at] = (energies[at] as number) * held * held;
  }
  const before = gatedMean(energies);
  return before === 0 ? 0 : 10 * Math.log10(before / gatedMean(limited));
}

/** Mean of the blocks that are not far below the mean of all. */
function gatedMean(energies: Float32Array | Float64Array): number {
  const blocks: number[] = [];
  for (let from = 0; from + BLOCK_MS <= energies.length; from += STEP_MS) {
    let sum = 0;
    for (let at = from; at < from + BLOCK_MS; at++) sum += energies[at] as number;
    blocks.push(sum);
  }
  const all = mean(blocks);
  return mean(blocks.filter((block) => block >= all * GATE));
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
