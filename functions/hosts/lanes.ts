/** How many runs of ffmpeg there may be at a time, by the cores and the memory of the machine. */
import { CORES, LEAST_MB_FOR_TWO, roomFor, threadsFor } from '../base/machine.ts';
import { createEncoderPlaces, type EncoderLimits } from '../coordination/encoder-places.ts';
import { type FairLanesOptions, fairLanes } from '../coordination/fair-lanes.ts';
import { conformMemoryMb } from '../media/conform-limits.ts';
import { SOUND_MEMORY_MB } from '../media/decode-sound.ts';
import { PROBE_MEMORY_MB } from '../media/examine.ts';
import { MIX_MEMORY_MB } from '../media/soundtrack.ts';

type Places = Record<'probing' | 'decoding' | 'mixing', Omit<FairLanesOptions, 'place'>> & {
  encoding: EncoderLimits;
};

/** About what an ordinary clip takes to encode. To decode its sound, to probe or to mix takes a fraction of a second. */
const SLOW_AFTER_MS = { probing: 2_000, decoding: 3_000, encoding: 3_000, mixing: 3_000 };
const MOST_SLOW = 4;
/** An encoder with so many threads keeps so many cores busy: scaling and decoding run beside it. More gain less each. */
const THREADS = 2;
/** Tried on two cores only. Beyond this, memory may be what limits. */
const MOST_ENCODERS = 16;
/** Drivers of graphics cards allow a few at a time. */
const MOST_IN_HARDWARE = 3;
const ENCODERS_SHARE = 0.6;
/** A clip of the most usual kind beside one in 4K with a high dynamic range. */
const LEAST_ENCODERS_MB = 2_100;

export interface Machine {
  /** Threads for each encoder; undefined: from cores, memory and the clips that are left. */
  threads: number | undefined;
  /** Videos mixed at a time. */
  mixers: number;
  memoryMb: number;
  cores: number;
  /** Whether hardware encodes. */
  inHardware?: boolean;
}

/**
 * Counted as if each run took all that it may, though most take a fraction; encoders by what their clips usually take. From
 * 3 GB of memory on, there is at least one place for work that takes long, and several encoders from 4 cores on. With less,
 * long work keeps its place until its time is up.
 */
export function placesFor(machine: Machine): Places {
  const { mixers, memoryMb, cores } = machine;
  const room = (runMb: number, share: number, most: number) => roomFor(runMb, { memoryMb, share, most });
  const leastSlow = memoryMb < LEAST_MB_FOR_TWO ? 0 : 1;
  const split = (runs: number) => ({
    places: Math.max(1, runs - (runs >> 1)),
    reserved: runs > 3 ? 1 : 0,
    slowPlaces: Math.max(leastSlow, runs >> 1),
  });
  return {
    probing: { ...split(room(PROBE_MEMORY_MB, 0.15, 8)), slowAfterMs: SLOW_AFTER_MS.probing },
    decoding: { ...split(room(SOUND_MEMORY_MB, 0.15, 2 * (cores + 1))), slowAfterMs: SLOW_AFTER_MS.decoding },
    encoding: encodersFor(machine),
    mixing: {
      places: mixers,
      reserved: 0,
      slowPlaces: Math.max(leastSlow, room(MIX_MEMORY_MB, 0.1, mixers)),
      slowAfterMs: SLOW_AFTER_MS.mixing,
    },
  };
}

function encodersFor({ threads, memoryMb, cores, inHardware = false }: Machine): EncoderLimits {
  const mostAtATime = inHardware ? MOST_IN_HARDWARE : MOST_ENCODERS;
  const isSmall = memoryMb < LEAST_MB_FOR_TWO;
  const most = threads ?? threadsFor(cores, memoryMb);
  const least = Math.min(threads ?? THREADS, most);
  const slow = roomFor(conformMemoryMb(most), { memoryMb, share: 0.5, most: 1 + MOST_SLOW }) - 1;
  return {
    cores,
    encoders: isSmall ? 1 : Math.max(1, Math.min(mostAtATime, Math.floor(cores / (threads ?? THREADS)))),
    memoryMb: Math.max(LEAST_ENCODERS_MB, ENCODERS_SHARE * memoryMb),
    threads: { least, most },
    slowPlaces: Math.max(isSmall ? 0 : 1, slow),
    slowAfterMs: SLOW_AFTER_MS.encoding,
  };
}

export function createLanes(machine: Omit<Machine, 'cores'>) {
  const { probing, decoding, encoding, mixing } = placesFor({ ...machine, cores: CORES });
  return {
    probing: fairLanes({ place: 'prober', ...probing }),
    decoding: fairLanes({ place: 'decoder', ...decoding }),
    encoding: createEncoderPlaces(encoding),
    mixing: fairLanes({ place: 'mixer', ...mixing }),
  };
}
