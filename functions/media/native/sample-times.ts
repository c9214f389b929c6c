/** Reads when the samples of a track are decoded and shown. ISO/IEC 14496-12, 8.6.1. */

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
