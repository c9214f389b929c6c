/** Limits for one run of ffmpeg. The operating system enforces them even if this process is gone. */
import { existsSync } from 'node:fs';
import { CORES, machineMemoryMb } from '../base/machine.ts';
import type { Command } from './cage.ts';

export interface RunLimits {
  timeoutMs: number;
  /** Private memory. Mapped files do not count. */
  memoryMb: number;
  /** Size of each file that it writes; 0 forbids writing. */
  fileMb: number;
}

export const SHELL = '/bin/sh';
/** macOS and Windows lack these limits. There, only time, pictures, streams and single allocations are limited. */
export const HAS_SHELL = process.platform === 'linux' && existsSync(SHELL);
/** Of the machine's or container's memory. The rest is for this process and, if the disk is in memory, for files. */
const SHARE_OF_MACHINE = 0.75;
/** ffmpeg parses the option as a C int. */
const MOST_ALLOC_MB = 2047;
const MB = 1024 * 1024;

/** Lowers the memory limit to what the machine has. A kill by the system would look like a transient failure. */
export function withinMachine(limits: RunLimits, machineMb: number = machineMemoryMb()): RunLimits {
  return { ...limits, memoryMb: Math.floor(Math.min(limits.memoryMb, machineMb * SHARE_OF_MACHINE)) };
}

/** Limits the largest single allocation, which ffmpeg itself checks on every system before it touches the memory. */
export function largestBlock({ memoryMb }: RunLimits): string[] {
  return ['-max_alloc', String(Math.min(memoryMb, MOST_ALLOC_MB) * MB)];
}

/**
 * Starts a command under limits. A shell sets them and is then replaced by the program, which keeps
 * the pid. A limit that cannot be set is left out, because then a stricter one is already in force.
 *
 * RLIMIT_DATA rather than RLIMIT_AS: since Linux 4.7 it counts all private writable memory, but not the address space
 * that allocators reserve for each thread. https://man7.org/linux/man-pages/man2/getrlimit.2.html
 */
export function underLimits({ command, args }: Command, limits: RunLimits): Command {
  if (!HAS_SHELL) return { command, args };
  // Always after our own timeout: it only matters if this process is no longer there to enforce that one.
  const cpuSeconds = Math.ceil(limits.timeoutMs / 1000) * CORES + 1;
  const set = [
    `ulimit -d ${limits.memoryMb * 1024}`,
    // In blocks of 512 bytes.
    `ulimit -f ${limits.fileMb * 2048}`,
    `ulimit -t ${cpuSeconds}`,
    // A core dump would contain the input, and be written to the working folder.
    'ulimit -c 0',
  ].map((limit) => `${limit} 2>/dev/null`);
  // The shell sets these variables, but ffmpeg gets no environment.
  const script = [...set, 'unset PWD OLDPWD', 'exec "$0" "$@"'].join('; ');
  return { command: SHELL, args: ['-c', script, command, ...args] };
}
