/** Reads when the samples of a track are decoded and shown. ISO/IEC 14496-12, 8.6.1. */

/** In frames. A frame of a constant rate is no farther from its place, counted from the first one. Its neighbour begins at 1. */
export const MOST_OFF_GRID = 0.2;

/** In ticks. Throws an Error unless the table is for exactly so many samples. */
export function decodedAt(stts: Buffer, samples: number): Float64Array {
  const times = new Float64Array(samples);
  let time = 0;
  const left = eachRun(stts, samples, (sample, delta) => {
    times[sample] = time;
    time += delta;
  });
  if (left !== 0) throw new Error(`Expected times of ${samples} frames, got ${samples - left}`);
  return times;
}

/** The same, moved by the offsets in ctts, which may be negative in both versions: ffmpeg reads them so. */
export function shownAt(decoded: Float64Array, ctts: Buffer | undefined): Float64Array {
  if (ctts === undefined) return decoded;
  const times = decoded.slice();
  const left = eachRun(ctts, times.length, (sample, offset) => {
    times[sample] = (times[sample] as number) + (offset | 0);
  });
  if (left !== 0) throw new Error(`Expected offsets of ${times.length} frames, got ${times.length - left}`);
  return times;
}

/**
 * The samples by the order in which they are shown, and by how much of a frame one is beside its place at most, apart from a
 * tick of rounding, if the first one is on its own.
 */
export function placed(shown: Float64Array, ticksPerFrame: number): { order: Uint32Array; most: number } {
  const timeOf = (sample: number) => shown[sample] as number;
  const order = Uint32Array.from(shown.keys()).sort((one, other) => timeOf(one) - timeOf(other));
  const first = timeOf(order[0] ?? 0);
  const most = order.reduce(
    (off, sample, place) => Math.max(off, Math.abs(timeOf(sample) - first - place * ticksPerFrame)),
    0,
  );
  return { order, most: Math.max(0, most - 1) / ticksPerFrame };
}

/** @returns how many samples the table leaves out */
function eachRun(table: Buffer, samples: number, take: (sample: number, value: number) => void): number {
  let sample = 0;
  const runs = table.readUInt32BE(4);
  for (let run = 0; run < runs; run++) {
    const count = table.readUInt32BE(8 + 8 * run);
    if (count > samples - sample) throw new Error(`Expected times of ${samples} frames, got more`);
    const value = table.readUInt32BE(12 + 8 * run);
    for (let left = count; left > 0; left--) take(sample++, value);
  }
  return samples - sample;
}
