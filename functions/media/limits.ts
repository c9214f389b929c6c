/** Bounds for one run of ffmpeg, kept by the operating system: they hold also while nobody looks. */
import { existsSync } from 'node:fs';
import { CORES, machineMemoryMb } from '../base/machine.ts';

export interface RunLimits {
  timeoutMs: number;
  /** What it may take for its own, as files it maps do not count. */
  memoryMb: number;
  /** Size of each file it writes; 0: none may be written. */
  fileMb: number;
}

const SHELL = '/bin/sh';
/** macOS and Windows know no such limits: there only time, pictures, streams and single blocks are bounded. */
const LIMITED = process.platform === 'linux' && existsSync(SHELL);
/** Of the machine, or of its container: the rest is for this process and, where the disk is memory, for the files. */
const SHARE_OF_MACHINE = 0.75;
/** ffmpeg takes this for a C int. */
const MOST_ALLOC_MB = 2047;
const MB = 1024 * 1024;

/** No more than the machine has to give: what takes more would be killed, which looks like bad luck. */
export function withinMachine(limits: RunLimits, machineMb: number = machineMemoryMb()): RunLimits {
  return { ...limits, memoryMb: Math.floor(Math.min(limits.memoryMb, machineMb * SHARE_OF_MACHINE)) };
}

/** The largest single block: refused by ffmpeg itself, on every system, and before the memory is touched. */
export function largestBlock({ memoryMb }: RunLimits): string[] {
  return ['-max_alloc', String(Math.min(memoryMb, MOST_ALLOC_MB) * MB)];
}

/**
 * The command that starts `program` under its limits, in place of the shell that sets them: the pid stays. A limit
 * that cannot be set is left out, as a stricter one is in force.
 *
 * RLIMIT_DATA and not RLIMIT_AS: since Linux 4.7 it counts all private memory that can be written to, and not what
 * allocators reserve for each thread. https://man7.org/linux/man-pages/man2/getrlimit.2.html
 */
export function underLimits(
  program: string,
  args: readonly string[],
  limits: RunLimits,
): { command: string; args: readonly string[] } {
  if (!LIMITED) return { command: program, args };
  // Never before our own time limit: it is for the time when nobody is left to keep that.
  const cpuSeconds = Math.ceil(limits.timeoutMs / 1000) * CORES + 1;
  const set = [
    `ulimit -d ${limits.memoryMb * 1024}`,
    // Blocks of 512 bytes.
    `ulimit -f ${limits.fileMb * 2048}`,
    `ulimit -t ${cpuSeconds}`,
    // The dump of a crash would have what it was reading, and go to the working folder.
    'ulimit -c 0',
  ].map((command) => `${command} 2>/dev/null`);
  // The shell sets PWD by itself.
  const script = [...set, 'unset PWD OLDPWD', 'exec "$0" "$@"'].join('; ');
  return { command: SHELL, args: ['-c', script, program, ...args] };
}
