/** What this machine, or the container that holds us, has to give. */
import { availableParallelism, totalmem } from 'node:os';

export const CORES = availableParallelism();
/** More encoder threads than this cost memory and gain little on clips of this size (measured: see test/README.md). */
export const MAX_DEFAULT_THREADS = 4;
/** An encoder of 1080x1920 takes 300 MB, and 35 more with each thread; the host and a mix must find room beside it. */
const MB_PER_THREAD = 512;
/** A mix takes 35 to 110, beside an encoder and Node. */
const MB_PER_MIX = 128;
const MB_BESIDE_MIXES = 384;
const MB = 1024 * 1024;

/** Of the machine, or of its container where that has less; megabytes. */
export function machineMemoryMb(): number {
  // 0 or a huge number where there is no container.
  const container = process.constrainedMemory();
  return Math.min(totalmem(), container > 0 ? container : Number.POSITIVE_INFINITY) / MB;
}

/** Threads for one encoder that leave the machine room for the rest. */
export function threadsFor(cores: number, memoryMb: number): number {
  return Math.max(1, Math.min(cores, MAX_DEFAULT_THREADS, Math.floor(memoryMb / MB_PER_THREAD)));
}

/** Videos mixed at the same time. */
export function mixersFor(cores: number, memoryMb: number): number {
  return Math.max(1, Math.min(cores, Math.floor((memoryMb - MB_BESIDE_MIXES) / MB_PER_MIX)));
}
