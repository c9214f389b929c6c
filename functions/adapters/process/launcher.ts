import { readFileSync } from 'node:fs';

const LOOK_EVERY_MS = 1_000;

export interface LauncherOptions {
  /** Called once. */
  onGone: () => void;
  everyMs?: number;
}

/**
 * Detects that the process that started this one has ended: a killed npm leaves its children running and does not
 * signal them. npm starts scripts through a shell, which may stay between npm and this process; on Linux, the shell's
 * own parent is watched in that case as well.
 */
export function watchLauncher({ onGone, everyMs = LOOK_EVERY_MS }: LauncherOptions): Disposable {
  const parent = process.ppid;
  const launcher = isCommandShell(parent) ? parentOf(parent) : undefined;
  const timer = setInterval(() => {
    if (process.ppid === parent && (launcher === undefined || parentOf(parent) === launcher)) return;
    clearInterval(timer);
    onGone();
  }, everyMs).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** Detects `sh -c command`. The parent of any other program is not watched, since it may well end before us. */
function isCommandShell(pid: number): boolean {
  const [, option] = textOf(`/proc/${pid}/cmdline`).split('\0');
  return option === '-c';
}

/** Field 4 of https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html; undefined if the process does not exist. */
function parentOf(pid: number): number | undefined {
  const stat = textOf(`/proc/${pid}/stat`);
  // Field 2 is the program's name in brackets, which may contain any character.
  const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return parent === undefined ? undefined : Number(parent);
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
