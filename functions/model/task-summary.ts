/** What a list shows of a task. It is stored beside the task, because plans are too large to be read for a list. */
import type { Plan } from './plan.ts';
import type { Counts, EndedStatus, Task } from './task.ts';

/** The place of a task in the list of its store, as numbers and letters that no other store has to understand. */
export interface TaskPosition {
  /** Grows with each new task. A whole number from 0 on. */
  at: number;
  /** Of the task. */
  id: string;
}

/** By what the status of an unfinished task is told: the pieces of work that are looked at. */
export interface Outline {
  /** How many sources, from the first one on. */
  sources: number;
  /** Indexes of combinations. */
  renders: readonly number[];
}

export interface TaskSummary extends Pick<Task, 'id' | 'name' | 'createdAt'>, Counts {
  combinations: number;
  cancelRequested: boolean;
  /** Null until the task has ended. */
  ended: EndedStatus | null;
  /** Milliseconds since the epoch; null until the task has ended. */
  finishedAt: number | null;
  outline: Outline;
  position: TaskPosition;
}

export interface WantedTasks {
  /** At least 1. */
  limit: number;
  /** Only older ones than the task that has, or had, this position. */
  after?: TaskPosition | undefined;
  /** Only those of exactly this name. */
  name?: string | undefined;
  /** Only those that ended so, or that have not ended. */
  ended?: EndedStatus | 'open' | undefined;
}

export interface TaskPage {
  /** Newest first. Fewer than wanted if some records cannot be shown. */
  tasks: TaskSummary[];
  /** After which the next page begins; undefined at the end. */
  next: TaskPosition | undefined;
}

/** How many renders, or sources, are checked for a start. Each check is a read. */
const CHECKED = 10;

export function outlineOf({ sources, combinations }: Plan): Outline {
  return {
    sources: Math.min(CHECKED, sources.length),
    renders: someOf(combinations).map(({ index }) => index),
  };
}

/** An outline that was stored, in whatever shape it comes back. */
export function storedOutline(sources: unknown, renders: unknown): Outline {
  const listed: readonly unknown[] = Array.isArray(renders) ? renders.slice(0, CHECKED) : [];
  return {
    sources: Math.min(CHECKED, storedCount(sources)),
    renders: listed.filter((index): index is number => Number.isSafeInteger(index)),
  };
}

/** A count that was stored; 0 for anything else. */
export function storedCount(value: unknown): number {
  return Number.isSafeInteger(value) ? Math.max(0, value as number) : 0;
}

/** The first ones, which usually begin first, and others spread over the rest, as the first may lack a source. */
function someOf<T>(all: readonly T[]): T[] {
  const first = CHECKED / 2;
  const rest = all.slice(first);
  const step = Math.max(1, rest.length / first);
  const spread = Array.from(
    { length: Math.min(first, rest.length) },
    (_, at) => rest[Math.floor(at * step)] as T,
  );
  return [...all.slice(0, first), ...spread];
}
