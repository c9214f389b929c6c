/** Summarizes the measurements of all sources, relative to the product's settings. */
import { familyOf, type Variant } from './encoder-grid.ts';
import type { Measured } from './encoder-run.ts';

export interface Summary {
  variant: Variant;
  /** Relative to today's settings: geometric means over the sources. */
  bytes: number;
  cpu: number;
  /** Bytes at the CRF that gives today's VMAF, over the sources where the family's CRFs reach it. */
  bytesAtSameVmaf: number | undefined;
  memory: number;
  vmaf: number;
  lowest: number;
  again: number | undefined;
  /** Whether its clips can be joined to those of the product, because they have the same header. */
  joins: boolean;
}

/** One summary per variant. @param sources for each source, the results of all variants, today's first */
export function summaries(sources: readonly (readonly Measured[])[]): Summary[] {
  const [first = []] = sources;
  return first.map(({ variant }, at) => {
    const pairs = sources.map((all) => ({ all, own: all[at] as Measured, today: all[0] as Measured }));
    const own = pairs.map((pair) => pair.own);
    return {
      variant,
      bytes: geometricMean(pairs.map(({ own, today }) => own.kbits / today.kbits)),
      cpu: geometricMean(pairs.map(({ own, today }) => own.cpuSeconds / today.cpuSeconds)),
      bytesAtSameVmaf: known(
        pairs.map(({ all }) => bytesAtSameVmaf(all, variant)).filter((bytes) => bytes !== undefined),
      ),
      memory: Math.max(...own.map(({ memory }) => memory)),
      vmaf: mean(own.map(({ vmaf }) => vmaf)),
      lowest: Math.min(...own.map(({ lowest }) => lowest)),
      again: known(
        own.map(({ again }) => again ?? Number.NaN),
        mean,
      ),
      joins: pairs.every(({ own, today }) => own.header === today.header),
    };
  });
}

/**
 * How many bytes a source takes at the CRF that gives today's VMAF, relative to today. Undefined if today's VMAF is not
 * between those of two CRFs of the variant's family. @param all the results for one source, today's first
 */
export function bytesAtSameVmaf(all: readonly Measured[], variant: Variant): number | undefined {
  const [today] = all;
  if (today === undefined) return undefined;
  const family = all.filter((one) => familyOf(one.variant) === familyOf(variant));
  return known([kbitsAt(family, today.vmaf) / today.kbits]);
}

/** Interpolates linearly between the logarithms; NaN outside the measured range. */
function kbitsAt(points: readonly Measured[], vmaf: number): number {
  const sorted = points.toSorted((one, other) => one.vmaf - other.vmaf);
  const exact = sorted.find((point) => point.vmaf === vmaf);
  if (exact) return exact.kbits;
  const above = sorted.findIndex((point) => point.vmaf > vmaf);
  const [low, high] = [sorted[above - 1], sorted[above]];
  if (low === undefined || high === undefined) return Number.NaN;
  const share = (vmaf - low.vmaf) / (high.vmaf - low.vmaf);
  return Math.exp(Math.log(low.kbits) * (1 - share) + Math.log(high.kbits) * share);
}

function known(values: readonly number[], pool = geometricMean): number | undefined {
  const pooled = pool(values);
  return Number.isNaN(pooled) ? undefined : pooled;
}

function geometricMean(values: readonly number[]): number {
  return Math.exp(mean(values.map(Math.log)));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
