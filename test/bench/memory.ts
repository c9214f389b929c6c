/** Measures the memory of a process and its descendants by sampling Linux's /proc. */
import { existsSync } from 'node:fs';
import { ProcessTree, readOf } from './process-tree.ts';

/** Short, because a mix may run for only a fifth of a second. */
const SAMPLE_EVERY_MS = 25;

export interface MemoryPeak {
  /** Highest sum at one time in MB: resident size of the process plus the shares (PSS) of its descendants. */
  together: number;
  /** Highest sum of the descendants alone in MB, perhaps at another time. */
  descendants: number;
}

export interface MemoryWatch {
  /** Stops sampling and returns the peak. */
  peak(): MemoryPeak;
}

export const canMeasureMemory = existsSync('/proc/self/smaps_rollup');

/** Watches a process and all its descendants, in whatever session they are. */
export function watchMemory(pid: number): MemoryWatch {
  const peak: MemoryPeak = { together: 0, descendants: 0 };
  const tree = new ProcessTree(pid);
  const sample = (): void => {
    // Resident size, not PSS: the bench runs the same program, and PSS would count only half of the shared code.
    const own = megabytes(readOf(pid, 'status'), 'VmRSS');
    const descendants = tree
      .descendants()
      .reduce((sum, child) => sum + megabytes(readOf(child, 'smaps_rollup'), 'Pss'), 0);
    peak.descendants = Math.max(peak.descendants, descendants);
    peak.together = Math.max(peak.together, own + descendants);
  };
  sample();
  const timer = setInterval(sample, SAMPLE_EVERY_MS);
  return {
    peak() {
      clearInterval(timer);
      return peak;
    },
  };
}

/** Current resident size in MB. */
export function residentNow(pid: number): number {
  return megabytes(readOf(pid, 'status'), 'VmRSS');
}

/** Largest resident size since the process started in MB, as recorded by the kernel. */
export function highestResident(pid: number): number {
  return megabytes(readOf(pid, 'status'), 'VmHWM');
}

function megabytes(text: string, field: string): number {
  const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0;
  return Number(kilobytes) / 1024;
}
