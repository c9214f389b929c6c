/** What a process and the programs it starts hold in memory, by looking at Linux's /proc from time to time. */
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** A mix lives for a fifth of a second and more. */
const LOOK_EVERY_MS = 25;

export interface MemoryPeak {
  /** Most that was held at one time, MB: resident size of the process, and the shares (PSS) of its descendants. */
  together: number;
  /** Most that the descendants held alone, perhaps at another time, MB. */
  descendants: number;
}

export interface MemoryWatch {
  /** Ends the watch. */
  peak(): MemoryPeak;
}

export const canMeasureMemory = existsSync('/proc/self/smaps_rollup');

/** Of the process that started it and of all that descend from it, whatever session they are in. */
export function watchMemory(pid: number): MemoryWatch {
  const peak: MemoryPeak = { together: 0, descendants: 0 };
  const family = new Family(pid);
  const look = (): void => {
    // Resident, not its share: this bench runs the same program, and would be taken to own half of its code.
    const own = megabytes(readOf(pid, 'status'), 'VmRSS');
    const descendants = family
      .descendants()
      .reduce((sum, child) => sum + megabytes(readOf(child, 'smaps_rollup'), 'Pss'), 0);
    peak.descendants = Math.max(peak.descendants, descendants);
    peak.together = Math.max(peak.together, own + descendants);
  };
  look();
  const timer = setInterval(look, LOOK_EVERY_MS);
  return {
    peak() {
      clearInterval(timer);
      return peak;
    },
  };
}

/** Resident size now, MB. */
export function residentNow(pid: number): number {
  return megabytes(readOf(pid, 'status'), 'VmRSS');
}

/** Largest resident size since the process began, MB; the kernel keeps it. */
export function highestResident(pid: number): number {
  return megabytes(readOf(pid, 'status'), 'VmHWM');
}

class Family {
  readonly #root: number;
  /** Who started whom; asked once per process, as most of them have nothing to do with us. */
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

  /** For a moment a child is a copy of its parent, sharing all its memory: before it becomes another program. */
  #isCopy(pid: number): boolean {
    return programOf(pid) === programOf(this.#root);
  }
}

/** The name of the program comes in brackets and may have any character; the parent is the second field after it. */
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
