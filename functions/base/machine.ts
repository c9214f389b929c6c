/** The cores and memory of this machine or container, and the defaults that follow from them. */
import { availableParallelism, totalmem } from 'node:os';

export const CORES = availableParallelism();
/** More encoder threads cost memory and gain little at 1080x1920, as `npm run bench` shows. */
const MAX_DEFAULT_THREADS = 4;
/** An encoder takes 300 MB at 1080x1920 and 35 MB per thread; this leaves room for the host and a mix beside it. */
const MB_PER_THREAD = 512;
/** A mix takes 25 to 46 MB, and its video as much as it has where files are in memory. */
const MB_PER_MIX = 128;
/** For an encoder and Node. */
const MB_BESIDE_MIXES = 384;
/** Enough for two encoders of 1080x1920 at twice what they take, beside everything else. */
export const LEAST_MB_FOR_TWO = 3_072;
const CORES_FOR_TWO = 4;
/** Of the memory, where several encoders take the larger part. */
const MIXES_SHARE = 0.3;
const MB = 1024 * 1024;

/** Memory of the machine, or of the container if that has less, in megabytes. */
export function machineMemoryMb(): number {
  // Outside a container this is 0 or a huge number.
  const container = process.constrainedMemory();
  return Math.min(totalmem(), container > 0 ? container : Number.POSITIVE_INFINITY) / MB;
}

/** How many runs of a program fit into a share of the memory if each takes all that it may: at most `most`. */
export function roomFor(
  runMb: number,
  { memoryMb, share, most }: { memoryMb: number; share: number; most: number },
): number {
  return Math.max(0, Math.min(most, Math.floor((memoryMb * share) / runMb)));
}

/** The most threads per encoder by default. */
export function threadsFor(cores: number, memoryMb: number): number {
  return Math.max(1, Math.min(cores, MAX_DEFAULT_THREADS, Math.floor(memoryMb / MB_PER_THREAD)));
}

/** Default number of videos mixed at the same time. */
export function mixersFor(cores: number, memoryMb: number): number {
  const several = memoryMb >= LEAST_MB_FOR_TWO && cores >= CORES_FOR_TWO;
  const forMixes = several ? MIXES_SHARE * memoryMb : memoryMb - MB_BESIDE_MIXES;
  return Math.max(1, Math.min(cores, Math.floor(forMixes / MB_PER_MIX)));
}
