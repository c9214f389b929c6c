/** Several runs of one program as one command, which end with the first that fails. */
import type { Command } from './cage.ts';
import { HAS_SHELL, SHELL } from './limits.ts';

/** Where there is no shell for it, they must be started one after the other. */
export const CAN_RUN_SERIES = HAS_SHELL;

/** @param lists the arguments of each run */
export function seriesOf(program: string, lists: readonly (readonly string[])[]): Command {
  const [args = [], ...others] = lists;
  if (others.length === 0) return { command: program, args };
  const lines = lists.map((list) => [program, ...list].map(quoted).join(' '));
  // The shell sets these variables, but ffmpeg gets no environment. The last run replaces the shell.
  const script = `unset PWD OLDPWD; ${[...lines.slice(0, -1), `exec ${lines.at(-1)}`].join(' && ')}`;
  return { command: SHELL, args: ['-c', script] };
}

/** For a POSIX shell: within single quotes only the quote itself is special. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
