/** The entries of the list of tasks: how a newer answer changes them, and how much of each is done. */
import type { TaskEntry } from '../../model/answers/task.ts';
import { count, whole } from '../ui/format.ts';

/** `3 of 8 videos, 1 failed`. */
export function doneText({ combinations, succeeded, failed, cancelled }: TaskEntry): string {
  const all = count(combinations, 'video');
  return [
    succeeded === combinations ? all : `${whole(succeeded)} of ${all}`,
    ...(failed > 0 ? [`${whole(failed)} failed`] : []),
    ...(cancelled > 0 ? [`${whole(cancelled)} cancelled`] : []),
  ].join(', ');
}

/** Those whose names have this part, in any case. */
export function named(entries: readonly TaskEntry[], part: string): readonly TaskEntry[] {
  const wanted = part.trim().toLowerCase();
  return wanted === '' ? entries : entries.filter((entry) => entry.task_name.toLowerCase().includes(wanted));
}

/** What the list shows of the status of a task. */
export function entryOf(status: TaskEntry): TaskEntry {
  const { task_id, task_name, created_at, completed_at, links } = status;
  const { combinations, succeeded, failed, cancelled, pending, percent } = status;
  return {
    ...{ task_id, task_name, status: status.status },
    ...{ combinations, succeeded, failed, cancelled, pending, percent },
    ...{ created_at, completed_at, links },
  };
}

/**
 * The list once its beginning was read again. What did not change stays the same object, also the list itself.
 * @param hasMore whether there are older tasks than those of `fresh`
 */
export function merged(
  shown: readonly TaskEntry[],
  fresh: readonly TaskEntry[],
  hasMore: boolean,
): readonly TaskEntry[] {
  const before = new Map(shown.map((entry) => [entry.task_id, entry]));
  const oldest = fresh.at(-1);
  const isFresh = new Set(fresh.map(({ task_id }) => task_id));
  const below =
    hasMore && oldest !== undefined
      ? shown.filter(({ task_id, created_at }) => created_at <= oldest.created_at && !isFresh.has(task_id))
      : [];
  const now = [...fresh.map((entry) => unchanged(before.get(entry.task_id), entry)), ...below];
  return now.length === shown.length && now.every((entry, at) => entry === shown[at]) ? shown : now;
}

/** The list with one entry replaced. */
export function replaced(shown: readonly TaskEntry[], status: TaskEntry): readonly TaskEntry[] {
  return shown.map((entry) => (entry.task_id === status.task_id ? unchanged(entry, entryOf(status)) : entry));
}

function unchanged(old: TaskEntry | undefined, now: TaskEntry): TaskEntry {
  return old !== undefined && JSON.stringify(entryOf(old)) === JSON.stringify(entryOf(now)) ? old : now;
}
