/** Measures the memory of a process and its descendants by sampling Linux's /proc. */
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

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
  const family = new Family(pid);
  const sample = (): void => {
    // Resident size, not PSS: the bench runs the same program, and PSS would count only half of the shared code.
    const own = megabytes(readOf(pid, 'status'), 'VmRSS');
    const descendants = family
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

class Family {
  readonly #root: number;
  /** Parent of each process. Read once per process, because most of them are unrelated. */
  readonly #parents = new Map<number, number>();

  constructor(root: number) {
    this.#root = root;
  }

  descendants(): number[] {
    const running = readdirSync('/proc').map(Number).filter(Number.isInteger);
    const present = new Set(running);
    for (const pid of this.#parents.keys()) if (!present.has(pid)) this.#parents.delete(pid);
    for (const pid of running) if (!this.#parents.has(pid)) this.#parents.set(pid, parentOf(pid));
    return running.filter((pid) => this.#descends(pid) && !this.#isCopy(pid));
  }

  #descends(pid: number): boolean {
    const parent = this.#parents.get(pid);
    if (parent === undefined || parent === 0) return false;
    return parent === this.#root || this.#descends(parent);
  }

  /** Between fork and exec a child is a copy of its parent and shares all its memory. */
  #isCopy(pid: number): boolean {
    return programOf(pid) === programOf(this.#root);
  }
}

/** The program's name is in brackets and may contain any character. The parent is the second field after it. */
function parentOf(pid: number): number {
  const stat = readOf(pid, 'stat');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? 0);
}

function programOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return '';
  }
}

/** Empty for a process that has just ended. */
function readOf(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

function megabytes(text: string, field: string): number {
  const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0;
  return Number(kilobytes) / 1024;
}
