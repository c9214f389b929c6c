/** Reads the list of tasks piece by piece, and knows whether there is more. */
import type { Client } from '../../client/client.ts';
import type { TaskEntry } from '../../model/answers/task.ts';
import type { TaskStatus } from '../../model/task.ts';

/** Tasks per piece. */
export const PIECE = 50;

export interface Filters {
  /** Empty: any. */
  status: TaskStatus | '';
  /** Exactly; empty: any. */
  name: string;
}

export interface Reading {
  /** As many tasks as there are, at most `most`; newest first. Throws ServiceError. */
  take(most: number): Promise<TaskEntry[]>;
  hasMore(): boolean;
}

export function readTasks(client: Client, { status, name }: Filters, signal?: AbortSignal): Reading {
  const all = client.tasks({
    ...(status === '' ? {} : { status }),
    ...(name === '' ? {} : { name }),
    // With the one that tells whether there is more.
    limit: PIECE + 1,
    signal,
  });
  let ahead: TaskEntry | undefined;
  const next = async () => {
    const { value, done } = await all.next();
    return done === true ? undefined : value;
  };
  return {
    async take(most) {
      const taken: TaskEntry[] = [];
      while (taken.length < most) {
        const entry = ahead ?? (await next());
        ahead = undefined;
        if (entry === undefined) return taken;
        taken.push(entry);
      }
      ahead = await next();
      return taken;
    },
    hasMore: () => ahead !== undefined,
  };
}
