/** How many runs of ffmpeg there may be at a time, by the cores and the memory of the machine. */
import { CORES, roomFor } from '../base/machine.ts';
import { type FairLanesOptions, fairLanes } from '../coordination/fair-lanes.ts';
import { conformMemoryMb } from '../media/conform-limits.ts';
import { PROBE_MEMORY_MB } from '../media/examine.ts';
import { SOUND_MEMORY_MB } from '../media/loudness.ts';

type Places = Record<'probing' | 'decoding' | 'encoding' | 'mixing', FairLanesOptions>;

/** Longer than an ordinary clip takes to encode, and its sound to decode. A probe or a mix takes a fraction of a second. */
const SLOW_AFTER_MS = { probing: 2_000, decoding: 5_000, encoding: 8_000, mixing: 5_000 };
const MOST_SLOW = 4;

export interface Machine {
  /** Threads for encoding a clip. */
  threads: number;
  /** Videos mixed at a time. */
  mixers: number;
  memoryMb: number;
  cores: number;
}

/**
 * If each run takes all the memory that it may, probing and decoding take a fifth of the machine's each. One encoder
 * keeps all cores busy. Slow ones beside it need memory; on a small machine there is none, and they keep their place.
 */
export function placesFor({ threads, mixers, memoryMb, cores }: Machine): Places {
  const fifth = (runMb: number, most: number) => roomFor(runMb, { memoryMb, share: 0.2, most });
  const split = (room: number) => ({
    places: Math.max(1, room - (room >> 1)),
    reserved: room > 3 ? 1 : 0,
    slowPlaces: room >> 1,
  });
  const encoders = roomFor(conformMemoryMb(threads), { memoryMb, share: 1, most: 1 + MOST_SLOW });
  return {
    probing: { ...split(fifth(PROBE_MEMORY_MB, 8)), slowAfterMs: SLOW_AFTER_MS.probing },
    decoding: { ...split(fifth(SOUND_MEMORY_MB, 2 * (cores + 1))), slowAfterMs: SLOW_AFTER_MS.decoding },
    encoding: {
      places: 1,
      reserved: 0,
      slowPlaces: Math.max(0, encoders - 1),
      slowAfterMs: SLOW_AFTER_MS.encoding,
    },
    mixing: { places: mixers, reserved: 0, slowPlaces: mixers, slowAfterMs: SLOW_AFTER_MS.mixing },
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
