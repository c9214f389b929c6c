/** Reads how loud raw sound is, millisecond by millisecond: enough to tell what a mix of several sounds will have. */
import { open } from 'node:fs/promises';
import { LRUCache } from 'lru-cache';
import { SAMPLE_RATE } from '../model/frame-rate.ts';
import { BYTES_PER_SAMPLE } from './sound.ts';

/** Of a sound, per millisecond; the last one may be incomplete. */
export interface Envelope {
  /** Highest value of both channels; 1 is full scale. */
  peaks: Float32Array;
  /** Sum of squares of both channels, weighted as ears and the meter do. */
  energies: Float32Array;
}

const CHANNELS = 2;
export const SAMPLES_PER_MS = SAMPLE_RATE / 1000;
const MS_PER_PIECE = 1024;
const FULL_SCALE = 32_768;
/** Half an hour takes 14 MB. */
const KEPT_BYTES = 16 * 2 ** 20;
const LEAST_READ = 60 * SAMPLE_RATE;
/** Filters that ring out slowly count in numbers so small that processors take a hundred times as long for them. */
const NOTHING = 1e-20;
/** The two filters of ITU-R BS.1770-4 at 48 kHz: b0, b1, b2, a1, a2. The first raises what a head raises. */
const HEAD = [
  1.53512485958697, -2.69169618940638, 1.19839281085285, -1.69065929318241, 0.73248077421585,
] as const;
/** The second takes away what is deep: 1, -2, 1, and these. */
const DEEP = [-1.99004745483398, 0.99007225036621] as const;
/** BS.1770-4: a sine of 997 Hz at full scale has -3.01 LUFS. */
const OFFSET_LUFS = -0.691;
/** Blocks of 400 ms, every 100 ms; those 10 LU below the mean of all do not count, and nothing below -70. */
const BLOCK_MS = 400;
const STEP_MS = 100;
const GATE = 0.1;
const SILENCE_LUFS = -70;

/** Reads the envelope of so many samples of a raw sound, per channel, and perhaps more; all if it is shorter. */
export type ReadEnvelope = (file: string, samples: number) => Promise<Envelope>;

/** Keeps what was read: many films have the same music. Reads in few lengths, so that films of any length share it. */
export function createEnvelopes(keptBytes: number = KEPT_BYTES): ReadEnvelope {
  const kept = new LRUCache<string, Envelope, { file: string; samples: number }>({
    maxSize: keptBytes,
    // What is pushed out while it is being read is wanted all the same.
    ignoreFetchAbort: true,
    sizeCalculation: ({ peaks, energies }) => Math.max(1, peaks.byteLength + energies.byteLength),
    fetchMethod: (_key, _stale, { context: { file, samples } }) => readEnvelope(file, samples),
  });
  return (file, wanted) => {
    let samples = LEAST_READ;
    while (samples < wanted) samples *= 2;
    return kept.forceFetch(`${samples} ${file}`, { context: { file, samples } });
  };
}

/** @param file raw sound, see sound.ts @param samples how much of its beginning, per channel; it may be shorter */
export async function readEnvelope(file: string, samples: number): Promise<Envelope> {
  await using handle = await open(file);
  const length = Math.min(samples, Math.floor((await handle.stat()).size / BYTES_PER_SAMPLE));
  const count = Math.ceil(length / SAMPLES_PER_MS);
  const envelope = { peaks: new Float32Array(count), energies: new Float32Array(count) };
  const values = new Int16Array(MS_PER_PIECE * SAMPLES_PER_MS * CHANNELS);
  const channels = Array.from({ length: CHANNELS }, () => ({ s1: 0, s2: 0, t1: 0, t2: 0 }));
  for (let block = 0; block < count; block += MS_PER_PIECE) {
    const at = block * SAMPLES_PER_MS;
    const wanted = Math.min(MS_PER_PIECE * SAMPLES_PER_MS, length - at) * BYTES_PER_SAMPLE;
    const { bytesRead } = await handle.read(values, 0, wanted, at * BYTES_PER_SAMPLE);
    const found = values.subarray(0, bytesRead >> 1);
    for (const [channel, state] of channels.entries()) addPiece(envelope, block, found, channel, state);
  }
  return envelope;
}

/** What the two filters keep from one sample to the next. */
interface FilterState {
  s1: number;
  s2: number;
  t1: number;
  t2: number;
}

function addPiece(
  { peaks, energies }: Envelope,
  first: number,
  values: Int16Array,
  channel: number,
  state: FilterState,
): void {
  const [b0, b1, b2, a1, a2] = HEAD;
  const [c1, c2] = DEEP;
  let { s1, s2, t1, t2 } = state;
  let block = first;
  for (let from = channel; from < values.length; from += SAMPLES_PER_MS * CHANNELS, block++) {
    const to = Math.min(values.length, from + SAMPLES_PER_MS * CHANNELS);
    let peak = 0;
    let energy = 0;
    for (let at = from; at < to; at += CHANNELS) {
      const value = values[at] as number;
      const size = value < 0 ? -value : value;
      if (size > peak) peak = size;
      const head = b0 * value + s1;
      s1 = b1 * value - a1 * head + s2;
      s2 = b2 * value - a2 * head;
      const heard = head + t1;
      t1 = -2 * head - c1 * heard + t2;
      t2 = head - c2 * heard;
      energy += heard * heard;
    }
    if (energy < NOTHING) s1 = s2 = t1 = t2 = 0;
    peaks[block] = Math.max(peaks[block] as number, peak / FULL_SCALE);
    energies[block] = (energies[block] as number) + energy / FULL_SCALE ** 2;
  }
  Object.assign(state, { s1, s2, t1, t2 });
}

/** Mean energy of a millisecond, without the quiet parts that the meter leaves out; 0 if all is quiet or too short. */
export function meanEnergy(energies: Float32Array | Float64Array): number {
  const blocks: number[] = [];
  let sum = 0;
  for (let at = 0; at < energies.length; at++) {
    sum += energies[at] as number;
    if (at >= BLOCK_MS) sum -= energies[at - BLOCK_MS] as number;
    if (at + 1 >= BLOCK_MS && (at + 1 - BLOCK_MS) % STEP_MS === 0) blocks.push(Math.max(0, sum) / BLOCK_MS);
  }
  const heard = blocks.filter((block) => lufsOf(block) > SILENCE_LUFS);
  const all = mean(heard);
  return mean(heard.filter((block) => block >= all * GATE));
}

/** Integrated loudness by EBU R128, LUFS; null for silence, and for less than 0.4 s. */
export function loudnessOf({ energies }: Envelope): number | null {
  const energy = meanEnergy(energies);
  return energy === 0 ? null : lufsOf(energy);
}

function lufsOf(energyPerMs: number): number {
  return OFFSET_LUFS + 10 * Math.log10(energyPerMs / SAMPLES_PER_MS);
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
