/** The descendants of a process and what they used, from Linux's /proc. */
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Of the counters in /proc: USER_HZ is 100 on every architecture that Linux runs on in practice. */
const TICKS_PER_SECOND = 100;
/** Fields of /proc/PID/stat after the name: user and system time, then those of children that were waited for. */
const FIRST_TIME = 11;
const TIMES = 4;

/** Knows the processes that a process started, and those that they started, in whatever session they are. */
export class ProcessTree {
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

/** A file of /proc; empty for a process that has just ended. */
export function readOf(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

const canMeasure = existsSync('/proc/self/stat');

/**
 * Processor seconds, user and system, of a process and of everything it ever started; NaN without /proc. Whoever waits for a
 * child takes over its time, so the sum over those alive has that of the dead as well. Copies of the same program count only
 * when they have ended.
 */
export function processorSeconds(pid: number): number {
  if (!canMeasure) return Number.NaN;
  const alive = [pid, ...new ProcessTree(pid).descendants()];
  return alive.reduce((sum, process) => sum + ticksOf(process), 0) / TICKS_PER_SECOND;
}

export interface ProcessorMeter extends Disposable {
  /** Processor seconds since it began; NaN without /proc. */
  seconds(): number;
}

/** Short against the seconds that a clip takes to encode. */
const LOOK_EVERY_MS = 100;

/**
 * The same, but looks again and again: what runs in a cage is waited for by a process that nobody waits for, so that its time
 * is gone when it ends. Of each such process, up to a tenth of a second is missed.
 */
export function meterProcessor(pid: number): ProcessorMeter {
  if (!canMeasure) return { seconds: () => Number.NaN, [Symbol.dispose]() {} };
  const tree = new ProcessTree(pid);
  /** Of the children of children, alive and dead. */
  const further = new Map<number, number>();
  const look = (): number => {
    let ticks = ticksOf(pid);
    for (const process of tree.descendants()) {
      const [user = 0, system = 0] = timesOf(process);
      if (parentOf(process) === pid) ticks += user + system;
      else further.set(process, Math.max(further.get(process) ?? 0, user + system));
    }
    return ticks + [...further.values()].reduce((sum, own) => sum + own, 0);
  };
  const before = look();
  const timer = setInterval(look, LOOK_EVERY_MS);
  return {
    seconds: () => (look() - before) / TICKS_PER_SECOND,
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

/** The same of that process alone, without those that it started. */
export function ownProcessorSeconds(pid: number): number {
  return (
    timesOf(pid)
      .slice(0, TIMES / 2)
      .reduce((sum, ticks) => sum + ticks, 0) / TICKS_PER_SECOND
  );
}

function ticksOf(pid: number): number {
  return timesOf(pid).reduce((sum, ticks) => sum + ticks, 0);
}

function timesOf(pid: number): number[] {
  const stat = readOf(pid, 'stat');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.slice(FIRST_TIME, FIRST_TIME + TIMES).map(Number);
}
