/** Renders do not wait for their sources: they are published again once these are prepared. */
import { isSettled } from '../model/pins.ts';
import { type Combination, sourcesOf } from '../model/plan.ts';
import type { Task } from '../model/task.ts';
import type { PinStore } from '../ports/pins.ts';
import type { Queue } from '../ports/queue.ts';

export interface ReadyRendersDeps {
  pins: PinStore;
  queue: Queue;
}

/**
 * Called after the source has got its pin, before its message is acknowledged. Publishes the renders whose other sources
 * have theirs. Of several sources that end at the same time, each may publish the same renders, but at least one does.
 */
export async function publishReadyRenders(
  task: Task,
  source: number,
  { pins, queue }: ReadyRendersDeps,
): Promise<void> {
  const users = task.plan.combinations.filter((combination) => sourcesOf(combination).includes(source));
  const ready = await readyAmong(task, users, pins);
  await queue.publish(ready.map(({ index }) => ({ topic: 'render', taskId: task.id, index })));
}

/** Those whose sources are all prepared, and those that fail because one of them has failed. */
export async function readyAmong(
  { id }: Task,
  combinations: readonly Combination[],
  pins: PinStore,
): Promise<Combination[]> {
  if (combinations.length === 0) return [];
  const numbers = [...new Set(combinations.flatMap(sourcesOf))];
  const found = await pins.read(
    id,
    numbers.map((number) => `prepared-${number}` as const),
  );
  const pinOf = new Map(numbers.map((number, at) => [number, found[at]]));
  return combinations.filter((combination) =>
    isSettled(sourcesOf(combination).map((number) => pinOf.get(number))),
  );
}
