import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ChildRecords } from '../../ports/child-records.ts';

/** Killed programs are gone within milliseconds, unless they are blocked on the disk. */
const GONE_WITHIN_MS = 3_000;
const LOOK_EVERY_MS = 10;
const BOOT_ID_FILE = '/proc/sys/kernel/random/boot_id';
/** `<pid>-<start time>-<boot id>`: pids are reused, but the three together are unique. */
const RECORD = /^(\d+)-(\d+)-([0-9a-f-]{36})$/;

export interface ChildRecordsOptions {
  /** Created if missing. Only one host may use it. */
  dir: string;
}

export interface DiskChildRecords extends ChildRecords {
  /**
   * Called when a host starts, before any work: kills the children that the previous host left running, waits until
   * they are gone, and returns how many there were.
   */
  endLeftOvers(): Promise<number>;
}

/**
 * One empty file per child, with a name that identifies the process uniquely. Needs /proc: on systems other than Linux
 * nothing is recorded and nothing is killed.
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
        // The disk is full. The child will fail on that as well; throwing here would leave it without an owner.
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
  /** A zombie: ended, and listed until its parent collects the exit status, which may never happen. */
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
  // Field 2 is the program's name in brackets, which may contain any character.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state = '', , group] = fields;
  const startTime = fields[19];
  if (startTime === undefined) return undefined;
  return { startTime, group: Number(group), dead: /^[ZXx]$/.test(state) };
}

/** Kills the whole process group if the process leads one. */
function kill(pid: number): void {
  try {
    process.kill(lookAt(pid)?.group === pid ? -pid : pid, 'SIGKILL');
  } catch {
    // It has ended already, or belongs to another user.
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
    // A record left behind does no harm: the next host finds no such process.
  }
}
