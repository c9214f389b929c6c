/** How many pictures of a clip are made by one run of the encoder. */
import { machineMemoryMb } from '../base/machine.ts';
import type { Profile } from '../model/pins.ts';
import type { Probe } from '../model/probe.ts';
import type { BurnedOverlay } from './burn-graph.ts';
import { usualMemoryMb } from './conform-limits.ts';

/** Of the machine's memory: so much may one run usually take. */
const RUN_SHARE = 0.5;

/**
 * Splits pictures of one clip into as few runs as the memory allows, in their order. A picture that needs more has a run of
 * its own.
 */
export function inRuns<T extends { profile: Profile }>(
  { probe, overlays = [] }: { probe: Probe; overlays?: readonly BurnedOverlay[] | undefined },
  pictures: readonly T[],
  memoryMb = RUN_SHARE * machineMemoryMb(),
): [T, ...T[]][] {
  const runs: [T, ...T[]][] = [];
  for (const picture of pictures) {
    const run = runs.at(-1);
    const size = run && { probe, overlays, profile: run[0].profile, others: [...run.slice(1), picture] };
    if (run !== undefined && size !== undefined && usualMemoryMb(size) <= memoryMb) run.push(picture);
    else runs.push([picture]);
  }
  return runs;
}
