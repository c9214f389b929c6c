import { readdirSync, readFileSync } from 'node:fs';
import { setPriority } from 'node:os';

/** Other work gets about ten times as much processor time, where there is not enough for all. */
const LOW = 10;

/** Lets all other work go first, on Linux including its threads and all programs that it started. */
export function lowerPriority(pid: number): void {
  for (const thread of threadsOf(pid)) {
    try {
      // Linux has a priority for each thread. A new thread inherits that of the one that starts it.
      setPriority(thread, LOW);
    } catch {
      // It has ended meanwhile.
    }
  }
}

/** All threads of a process and of its descendants. Only the process itself where there is no /proc. */
function threadsOf(pid: number): number[] {
  try {
    const threads = readdirSync(`/proc/${pid}/task`).map(Number);
    const children = threads.flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1').split(' ').filter(Boolean).map(Number),
    );
    return [...threads, ...children.flatMap(threadsOf)];
  } catch {
    return [pid];
  }
}
