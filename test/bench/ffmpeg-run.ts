/** Runs ffmpeg as a script would, without the product's own code around it. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

export async function runFfmpeg(ffmpeg: string, args: readonly string[]): Promise<void> {
  await execute(ffmpeg, ['-nostdin', '-hide_banner', ...args], { env: {} });
}

export interface Spent {
  /** User and system time of all threads. */
  cpuSeconds: number;
  wallSeconds: number;
  /** Peak memory in MB. Never less than this process uses, because on Linux a child starts as its copy. */
  memory: number;
  /** Printed at level info. */
  stderr: string;
}

/** Measured by ffmpeg itself (-benchmark), with getrusage. @param dir its working folder */
export async function runMeasured(ffmpeg: string, args: readonly string[], dir: string): Promise<Spent> {
  const all = ['-nostdin', '-hide_banner', '-nostats', '-benchmark', ...args];
  const began = performance.now();
  const { stderr } = await execute(ffmpeg, all, { env: {}, cwd: dir });
  const wallSeconds = (performance.now() - began) / 1000;
  return { ...spentOf(stderr), wallSeconds, stderr };
}

/** Reads what `-benchmark` prints. */
export function spentOf(stderr: string): Pick<Spent, 'cpuSeconds' | 'memory'> {
  const [, user, system] = /^bench: utime=([\d.]+)s stime=([\d.]+)s/m.exec(stderr) ?? [];
  const [, kibibytes] = /^bench: maxrss=(\d+)Ki?B/m.exec(stderr) ?? [];
  if (user === undefined || kibibytes === undefined) {
    throw new Error(`Expected ffmpeg to print what it used, got ${JSON.stringify(stderr.slice(-200))}`);
  }
  return { cpuSeconds: Number(user) + Number(system), memory: Number(kibibytes) / 1024 };
}

/** Whether this build of ffmpeg has the filter. */
export async function hasFilter(ffmpeg: string, name: string): Promise<boolean> {
  const { stdout } = await execute(ffmpeg, ['-hide_banner', '-filters'], { env: {} });
  return stdout.split('\n').some((line) => line.trim().split(/\s+/)[1] === name);
}

/** The version from the first line of its output, such as "7.0.2-static". */
export async function versionOf(ffmpeg: string): Promise<string> {
  const { stdout } = await execute(ffmpeg, ['-version'], { env: {} });
  return /^ffmpeg version (\S+)/.exec(stdout)?.[1] ?? 'of unknown version';
}
