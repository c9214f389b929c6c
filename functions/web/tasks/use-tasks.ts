/** The list of tasks as the page has it: read in pieces, and kept as new as the service has it. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { TaskEntry } from '../../model/answers/task.ts';
import { ask, messageOf } from '../service.ts';
import { isUnderWay } from '../task-status.ts';
import { useTicks } from '../ui/ticks.ts';
import { merged, replaced } from './entries.ts';
import { type Filters, PIECE, type Reading, readTasks } from './reading.ts';

const PAUSE_MS = 2_000;
/** While nothing is under way: others may start a task. */
const IDLE_PAUSE_MS = 20_000;
/** Unfinished tasks below the newest that are looked at each time, in turn. */
const MOST_BELOW = 10;

interface Listed {
  entries: readonly TaskEntry[];
  hasMore: boolean;
  /** The first piece is on its way. */
  isLoading: boolean;
  /** Why there is no list, or why it is old. */
  problem: string | null;
}

export interface Tasks extends Listed {
  /** Reads the next piece. */
  more(): Promise<void>;
  /** Reads the first piece again. */
  again(): void;
  replace(status: TaskEntry): void;
  remove(taskId: string): void;
}

const NOTHING: Listed = { entries: [], hasMore: false, isLoading: true, problem: null };

export function useTasks(filters: Filters): Tasks {
  const [listed, list] = useState(NOTHING);
  const [tries, tryAgain] = useState(0);
  const reading = useRef<Reading>(undefined);
  const turn = useRef(0);
  const { status, name } = filters;

  useEffect(() => {
    const stop = new AbortController();
    list((now) => ({ ...now, isLoading: true, problem: null }));
    ask(async (client) => {
      const first = readTasks(client, { status, name }, stop.signal);
      return { first, entries: await first.take(PIECE) };
    })
      .then(({ first, entries }) => {
        if (stop.signal.aborted) return;
        reading.current = first;
        list({ entries, hasMore: first.hasMore(), isLoading: false, problem: null });
      })
      .catch((error: unknown) => {
        if (!stop.signal.aborted) list({ ...NOTHING, isLoading: false, problem: messageOf(error) });
      });
    return () => {
      stop.abort();
      reading.current = undefined;
    };
  }, [status, name, tries]);

  const refresh = async (signal: AbortSignal) => {
    const begun = reading.current;
    if (begun === undefined) return;
    try {
      const isBelow = ({ status, task_id }: TaskEntry, fresh: readonly TaskEntry[]) =>
        isUnderWay(status) && !fresh.some((entry) => entry.task_id === task_id);
      const { fresh, hasMore, below } = await ask(async (client) => {
        const first = readTasks(client, { status, name }, signal);
        const fresh = await first.take(PIECE);
        const open = listed.entries.filter((entry) => isBelow(entry, fresh));
        const chosen = inTurn(open, turn.current++);
        const below = await Promise.all(chosen.map(({ task_id }) => client.status(task_id, { signal })));
        return { fresh, hasMore: first.hasMore(), below };
      });
      if (signal.aborted || begun !== reading.current) return;
      list((now) => {
        const entries = below.reduce<readonly TaskEntry[]>(replaced, merged(now.entries, fresh, hasMore));
        if (entries === now.entries && now.problem === null) return now;
        return {
          ...now,
          entries,
          hasMore: hasMore && (now.hasMore || entries.length === fresh.length),
          problem: null,
        };
      });
    } catch (error) {
      if (signal.aborted || begun !== reading.current) return;
      list((now) => ({ ...now, problem: messageOf(error) }));
    }
  };
  useTicks(refresh, listed.entries.some((entry) => isUnderWay(entry.status)) ? PAUSE_MS : IDLE_PAUSE_MS);

  return {
    ...listed,
    async more() {
      const begun = reading.current;
      if (begun === undefined) return;
      try {
        const entries = await begun.take(PIECE);
        if (begun !== reading.current) return;
        list((now) => {
          const known = new Set(now.entries.map(({ task_id }) => task_id));
          const added = entries.filter(({ task_id }) => !known.has(task_id));
          return { ...now, entries: [...now.entries, ...added], hasMore: begun.hasMore() };
        });
      } catch {
        // What was read of it is lost. The key, for instance, is another one.
        tryAgain((before) => before + 1);
      }
    },
    again: () => tryAgain((before) => before + 1),
    replace: (status) => list((now) => ({ ...now, entries: replaced(now.entries, status) })),
    remove: (taskId) =>
      list((now) => ({ ...now, entries: now.entries.filter(({ task_id }) => task_id !== taskId) })),
  };
}

/** A few of many, others each time. */
function inTurn(entries: readonly TaskEntry[], turn: number): readonly TaskEntry[] {
  if (entries.length <= MOST_BELOW) return entries;
  const start = (turn * MOST_BELOW) % entries.length;
  return [...entries, ...entries].slice(start, start + MOST_BELOW);
}
