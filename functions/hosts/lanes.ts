/** How many runs of ffmpeg there may be at a time, by the cores and the memory of the machine. */
import { CORES, roomFor } from '../base/machine.ts';
import { type FairLanesOptions, fairLanes } from '../coordination/fair-lanes.ts';
import { conformMemoryMb } from '../media/conform-limits.ts';
import { SOUND_MEMORY_MB } from '../media/decode-sound.ts';
import { PROBE_MEMORY_MB } from '../media/examine.ts';
import { MIX_MEMORY_MB } from '../media/soundtrack.ts';

type Places = Record<'probing' | 'decoding' | 'encoding' | 'mixing', FairLanesOptions>;

/** About what an ordinary clip takes to encode. To decode its sound, to probe or to mix takes a fraction of a second. */
const SLOW_AFTER_MS = { probing: 2_000, decoding: 3_000, encoding: 3_000, mixing: 3_000 };
const MOST_SLOW = 4;
/** Enough for two encoders of 1080x1920 at twice what they take, beside everything else. */
const LEAST_MB_FOR_TWO = 3_072;

export interface Machine {
  /** Threads for encoding a clip. */
  threads: number;
  /** Videos mixed at a time. */
  mixers: number;
  memoryMb: number;
  cores: number;
}

/**
 * Counted as if each run took all that it may, though most take a fraction. One encoder keeps all cores busy. From 3 GB of
 * memory on, there is at least one place for work that takes long. With less, such work keeps its place until its time is
 * up.
 */
export function placesFor({ threads, mixers, memoryMb, cores }: Machine): Places {
  const room = (runMb: number, share: number, most: number) => roomFor(runMb, { memoryMb, share, most });
  const leastSlow = memoryMb < LEAST_MB_FOR_TWO ? 0 : 1;
  const split = (runs: number) => ({
    places: Math.max(1, runs - (runs >> 1)),
    reserved: runs > 3 ? 1 : 0,
    slowPlaces: Math.max(leastSlow, runs >> 1),
  });
  const slowEncoders = room(conformMemoryMb(threads), 0.5, 1 + MOST_SLOW) - 1;
  return {
    probing: { ...split(room(PROBE_MEMORY_MB, 0.15, 8)), slowAfterMs: SLOW_AFTER_MS.probing },
    decoding: { ...split(room(SOUND_MEMORY_MB, 0.15, 2 * (cores + 1))), slowAfterMs: SLOW_AFTER_MS.decoding },
    encoding: {
      places: 1,
      reserved: 0,
      slowPlaces: Math.max(leastSlow, slowEncoders),
      slowAfterMs: SLOW_AFTER_MS.encoding,
    },
    mixing: {
      places: mixers,
      reserved: 0,
      slowPlaces: Math.max(leastSlow, room(MIX_MEMORY_MB, 0.1, mixers)),
      slowAfterMs: SLOW_AFTER_MS.mixing,
    },
  };
}

export function createLanes(machine: Omit<Machine, 'cores'>) {
  const { probing, decoding, encoding, mixing } = placesFor({ ...machine, cores: CORES });
  return {
    probing: fairLanes(probing),
    decoding: fairLanes(decoding),
    encoding: fairLanes(encoding),
    mixing: fairLanes(mixing),
  };
}
