import { readFileSync } from 'node:fs';

const LOOK_EVERY_MS = 1_000;

export interface LauncherOptions {
  /** Called once. */
  onGone: () => void;
  everyMs?: number;
}

/**
 * Notices that the process that started this one is gone, which nobody tells us: an npm that is killed leaves its
 * children running. Between npm and this process there is a shell, unless that one gave its place to us: then, on
 * Linux, the shell's own parent is watched as well.
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

/** `sh -c command`. Of anything else the parent is none of our business: it may end before us. */
function isCommandShell(pid: number): boolean {
  const [, option] = textOf(`/proc/${pid}/cmdline`).split('\0');
  return option === '-c';
}

/** https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html: field 4. Undefined where there is no such process. */
function parentOf(pid: number): number | undefined {
  const stat = textOf(`/proc/${pid}/stat`);
  // Field 2 is the program's name in brackets, which may hold anything.
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
