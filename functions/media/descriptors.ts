import { openSync, readdirSync, readFileSync } from 'node:fs';

/** Set on what Node opens: it is closed when a program starts. https://man7.org/linux/man-pages/man2/open.2.html */
const CLOSE_ON_EXEC = 0o2000000;
const STANDARD = 3;

/**
 * Descriptors that this process itself was started with, by a supervisor or a shell, and that its children would get as
 * well. They never change, because everything that Node opens later is closed on exec. None on systems without /proc.
 */
export const INHERITED: readonly number[] = inherited();

/** For `stdio` of spawn: hides what is inherited, because Node cannot close it in the child. */
export function hidden(): (number | 'ignore')[] {
  if (INHERITED.length === 0) return [];
  nothing ??= openSync('/dev/null', 'r');
  const empty = nothing;
  const most = Math.max(...INHERITED);
  return Array.from({ length: most - STANDARD + 1 }, (_, at) =>
    INHERITED.includes(at + STANDARD) ? empty : 'ignore',
  );
}

/** Stays open as long as this process. */
let nothing: number | undefined;

function inherited(): number[] {
  try {
    return readdirSync('/proc/self/fd')
      .map(Number)
      .filter((descriptor) => descriptor >= STANDARD && isPassedOn(descriptor));
  } catch {
    return [];
  }
}

function isPassedOn(descriptor: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'latin1'))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & CLOSE_ON_EXEC) === 0;
  } catch {
    // It was the one that the folder was read with.
    return false;
  }
}
