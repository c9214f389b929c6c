/** What this process knows about problems of tasks, and stores now and then, for other processes and the next start. */
import { LRUCache } from 'lru-cache';
import { type Problem, type Work, workName } from '../model/problem.ts';
import type { ProblemStore } from '../ports/problems.ts';

export interface ProblemNotes {
  /** Before work on the task begins. Does not wait for what it looks up. */
  begin(taskId: string): void;
  note(
    taskId: string,
    problem: Pick<Problem, 'work' | 'stage' | 'code' | 'message'>,
    next: { pauseMs: number | undefined /** The work whose message tries it again. */; carrier?: Work },
  ): Promise<void>;
  /** Sets the next try of what that work tries again. */
  postpone(taskId: string, carrier: Work, pauseMs: number | undefined): Promise<void>;
  clear(taskId: string, isOver: (problem: Problem) => boolean): Promise<void>;
  latest(taskId: string): Promise<Problem[]>;
}

interface Entry {
  problem: Problem;
  carrier: string;
  /** Whether the store may have it, in this or in an older form. */
  stored: boolean;
}

interface TaskNotes {
  /** By the name of the work, the latest last. */
  entries: Map<string, Entry>;
  /** The latest note that the store does not have. */
  unstored: string | undefined;
  timer: NodeJS.Timeout | undefined;
  /** Writes one after the other, so that a problem that is over does not come back. */
  writing: Promise<void>;
  wroteAt: number;
  /** What other processes stored, or this one before its start: it can be cleared here, too. */
  foreign: Map<string, Problem>;
  /** Never rejects. */
  reading: Promise<void>;
  readAt: number;
}

/** Of one task: an outage in which each of a thousand renders fails costs one write in this time. */
const WRITE_EVERY_MS = 2_000;
/** Of one task, what others stored is read once in this time, while work on it begins. */
const READ_EVERY_MS = 60_000;
const TASKS_KEPT = 200;
const KEPT_PER_TASK = 50;
/** Read for a status. Of these, the latest that still holds is shown. */
const LATEST = 10;

export function createProblemNotes(store: ProblemStore, now: () => number = Date.now): ProblemNotes {
  const tasks = new LRUCache<string, TaskNotes>({ max: TASKS_KEPT });

  const notesOf = (taskId: string): TaskNotes => {
    const found = tasks.get(taskId);
    if (found !== undefined) return found;
    const made: TaskNotes = {
      entries: new Map(),
      unstored: undefined,
      timer: undefined,
      writing: Promise.resolve(),
      wroteAt: Number.NEGATIVE_INFINITY,
      foreign: new Map(),
      reading: Promise.resolve(),
      readAt: Number.NEGATIVE_INFINITY,
    };
    tasks.set(taskId, made);
    return made;
  };

  /** A failed write is no reason to fail the work: memory has the note, and the next failed try stores it. */
  const inTurn = (notes: TaskNotes, write: () => Promise<void>): Promise<void> => {
    notes.writing = notes.writing.then(write).catch(() => {});
    return notes.writing;
  };

  const write = (taskId: string, notes: TaskNotes): Promise<void> => {
    clearTimeout(notes.timer);
    notes.timer = undefined;
    notes.wroteAt = now();
    return inTurn(notes, async () => {
      const entry = notes.unstored === undefined ? undefined : notes.entries.get(notes.unstored);
      notes.unstored = undefined;
      if (entry === undefined) return;
      entry.stored = true;
      await store.note(taskId, entry.problem);
    });
  };

  const changed = async (taskId: string, notes: TaskNotes, name: string): Promise<void> => {
    notes.unstored = name;
    const wait = notes.wroteAt + WRITE_EVERY_MS - now();
    if (wait <= 0) return write(taskId, notes);
    notes.timer ??= setTimeout(() => void write(taskId, notes), wait).unref();
  };

  const read = async (taskId: string, notes: TaskNotes): Promise<void> => {
    const stored = await store.latest(taskId, KEPT_PER_TASK);
    notes.foreign = new Map(stored.map((problem) => [workName(problem.work), problem]));
  };

  const remove = async (taskId: string, notes: TaskNotes, name: string, entry: Entry): Promise<void> => {
    notes.entries.delete(name);
    if (entry.stored) await inTurn(notes, () => store.clear(taskId, entry.problem.work));
  };

  const nextTry = (pauseMs: number | undefined) => (pauseMs === undefined ? null : now() + pauseMs);

  return {
    begin(taskId) {
      const notes = notesOf(taskId);
      if (now() - notes.readAt < READ_EVERY_MS) return;
      notes.readAt = now();
      notes.reading = read(taskId, notes).catch(() => {});
    },

    async note(taskId, { work, ...about }, { pauseMs, carrier = work }) {
      const notes = notesOf(taskId);
      const name = workName(work);
      const earlier = notes.entries.get(name);
      const at = now();
      const problem: Problem = {
        work,
        ...about,
        since: earlier?.problem.since ?? at,
        nextTryAt: nextTry(pauseMs),
        notedAt: at,
      };
      notes.entries.delete(name);
      const stored = notes.foreign.delete(name) || (earlier?.stored ?? false);
      notes.entries.set(name, { problem, carrier: workName(carrier), stored });
      const [oldest] = notes.entries;
      if (notes.entries.size > KEPT_PER_TASK && oldest !== undefined) await remove(taskId, notes, ...oldest);
      await changed(taskId, notes, name);
    },

    async postpone(taskId, carrier, pauseMs) {
      const notes = tasks.get(taskId);
      for (const [name, { carrier: own, problem }] of notes?.entries ?? []) {
        if (notes === undefined || own !== workName(carrier)) continue;
        problem.nextTryAt = nextTry(pauseMs);
        await changed(taskId, notes, name);
      }
    },

    async clear(taskId, isOver) {
      const notes = tasks.get(taskId);
      if (notes === undefined) return;
      for (const [name, entry] of notes.entries)
        if (isOver(entry.problem)) await remove(taskId, notes, name, entry);
      await notes.reading;
      for (const [name, problem] of notes.foreign) {
        // What was noted here meanwhile is not over.
        if (notes.entries.has(name) || !isOver(problem)) continue;
        notes.foreign.delete(name);
        await inTurn(notes, () => store.clear(taskId, problem.work));
      }
    },

    async latest(taskId) {
      const known = new Map((await store.latest(taskId, LATEST)).map((one) => [workName(one.work), one]));
      for (const [name, { problem }] of tasks.get(taskId)?.entries ?? []) {
        const since = Math.min(problem.since, known.get(name)?.since ?? problem.since);
        known.set(name, { ...problem, since });
      }
      return [...known.values()].toSorted((one, other) => other.notedAt - one.notedAt);
    },
  };
}
