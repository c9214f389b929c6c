import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ChildRecords } from '../../ports.ts';

/** Killed programs are gone in milliseconds, except while the disk keeps them waiting. */
const GONE_WITHIN_MS = 3_000;
const LOOK_EVERY_MS = 10;
const BOOT_ID_FILE = '/proc/sys/kernel/random/boot_id';
/** `<pid>-<start time>-<boot id>`: pids come again, these three together do not. */
const RECORD = /^(\d+)-(\d+)-([0-9a-f-]{36})$/;

export interface ChildRecordsOptions {
  /** Made where there is none. One host may use it. */
  dir: string;
}

export interface DiskChildRecords extends ChildRecords {
  /**
   * For a new host, before any work: ends what the last one's death left running, waits until it is gone, and answers
   * with how many there were.
   */
  endLeftOvers(): Promise<number>;
}

/**
 * One empty file for each child, named by what tells it from every other process. Needs /proc: on systems other than
 * Linux nothing is recorded and nothing is ended.
 */
export function createChildRecords({ dir }: ChildRecordsOptions): DiskChildRecords {
  const bootId = readBootId();
  const files = new Map<number, string>();

  const isRecorded = ({ pid, startTime }: Recorded): boolean => {
    const found = lookAt(pid);
    return found !== undefined && found.startTime === startTime && !found.dead;
  };

  return {
    started(pid) {
      const found = bootId === undefined ? undefined : lookAt(pid);
      if (found === undefined) return;
      const file = join(dir, `${pid}-${found.startTime}-${bootId}`);
      try {
        mkdirSync(dir, { recursive: true });
        writeFileSync(file, '');
        files.set(pid, file);
      } catch {
        // A full disk: the child will meet it too. What matters is that it is not left without an owner now.
      }
    },

    ended(pid) {
      const file = files.get(pid);
      files.delete(pid);
      if (file !== undefined) remove(file);
    },

    async endLeftOvers() {
      const records = namesIn(dir).flatMap((name) => recordOf(name) ?? []);
      const left = records.filter((record) => record.bootId === bootId && isRecorded(record));
      for (const { pid } of left) kill(pid);
      const deadline = performance.now() + GONE_WITHIN_MS;
      while (left.some(isRecorded) && performance.now() < deadline) await pause(LOOK_EVERY_MS);
      for (const { name } of records) remove(join(dir, name));
      return left.length;
    },
  };
}

interface Recorded {
  name: string;
  pid: number;
  startTime: string;
  bootId: string;
}

function recordOf(name: string): Recorded | undefined {
  const [, pid, startTime, bootId] = RECORD.exec(name) ?? [];
  if (pid === undefined || startTime === undefined || bootId === undefined) return undefined;
  return { name, pid: Number(pid), startTime, bootId };
}

interface Found {
  /** Clock ticks since the system's start. */
  startTime: string;
  group: number;
  /** Ended, and kept in the list only until its parent asks; where nobody does, for ever. */
  dead: boolean;
}

/** https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html: fields 3, 5 and 22. */
function lookAt(pid: number): Found | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // Field 2 is the program's name in brackets, which may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state = '', , group] = fields;
  const startTime = fields[19];
  if (startTime === undefined) return undefined;
  return { startTime, group: Number(group), dead: /^[ZXx]$/.test(state) };
}

/** With all that it started, where it leads a group. */
function kill(pid: number): void {
  try {
    process.kill(lookAt(pid)?.group === pid ? -pid : pid, 'SIGKILL');
  } catch {
    // Gone by itself, or not ours to end.
  }
}

function readBootId(): string | undefined {
  try {
    return readFileSync(BOOT_ID_FILE, 'utf8').trim();
  } catch {
    return undefined;
  }
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}

function remove(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // The next host finds no such process.
  }
}
