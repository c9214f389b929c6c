/** Renders do not wait for what they need: they are published again once that is prepared. */
import { chunked } from '../base/chunked.ts';
import { pieceAskedKey } from '../coordination/lease-keys.ts';
import type { WorkMessage } from '../model/messages.ts';
import { type PieceName, pieceOf } from '../model/pieces.ts';
import { isSettled } from '../model/pins.ts';
import { type Combination, sourcesOf } from '../model/plan.ts';
import type { Task } from '../model/task.ts';
import type { AttemptStore } from '../ports/attempts.ts';
import type { PinStore } from '../ports/pins.ts';
import type { Queue } from '../ports/queue.ts';
import { missingOf, pieceStates } from './pieces.ts';

export interface ReadyRendersDeps {
  pins: PinStore;
  attempts: Pick<AttemptStore, 'rest' | 'resting'>;
  queue: Queue;
}

/** A piece that was asked for is not asked for again for so long. */
const ASK_AGAIN_MS = 60_000;
/** A task may need hundreds. */
const ASKED_AT_ONCE = 20;

/**
 * Called after the source has got its pin, before its message is acknowledged. Publishes the renders whose other sources
 * have theirs. Of several sources that end at the same time, each may publish the same renders, but at least one does.
 */
export async function publishReadyRenders(task: Task, source: number, deps: ReadyRendersDeps): Promise<void> {
  await publishNext(
    task,
    task.plan.combinations.filter((combination) => sourcesOf(combination).includes(source)),
    deps,
  );
}

/**
 * The same for a piece that has got its pin: publishes the renders that need it and lack no other. Each other has been asked
 * for by whoever made the last source.
 */
export async function publishAfterPiece(
  task: Task,
  name: PieceName,
  { pins, queue }: Pick<ReadyRendersDeps, 'pins' | 'queue'>,
): Promise<void> {
  const piece = pieceOf(name);
  if (piece === undefined) return;
  const isUser = ({ clips, line }: Combination) =>
    clips.includes(piece.clip) && (piece.kind === 'cover' || line === piece.line);
  const states = await pieceStates(task, task.plan.combinations.filter(isUser), pins, name);
  const ready = states.filter((state) => missingOf(state) === undefined);
  await queue.publish(
    ready.map(({ combination: { index } }) => ({ topic: 'render', taskId: task.id, index })),
  );
}

/** Publishes those that can go, and the pieces that others lack. */
async function publishNext(
  task: Task,
  combinations: readonly Combination[],
  deps: ReadyRendersDeps,
): Promise<void> {
  const { renders, missing } = await nextAmong(task, combinations, deps.pins);
  await askForPieces(task, missing, deps);
  await deps.queue.publish(renders.map(({ index }) => ({ topic: 'render', taskId: task.id, index })));
}

/** Publishes their messages, unless that was done a moment ago. */
export async function askForPieces(
  { id: taskId }: Task,
  names: readonly PieceName[],
  { attempts, queue }: ReadyRendersDeps,
): Promise<void> {
  if (names.length === 0) return;
  for (const some of chunked(names, ASKED_AT_ONCE)) {
    const keys = some.map((name) => pieceAskedKey(taskId, name));
    const resting = await attempts.resting(keys);
    const asked = some.filter((_, at) => !resting[at]);
    await queue.publish(asked.map((name) => pieceMessage(taskId, name)));
    // In this order: if the process dies in between, they are asked for twice and not never.
    await Promise.all(asked.map((name) => attempts.rest(pieceAskedKey(taskId, name), ASK_AGAIN_MS)));
  }
}

export function pieceMessage(taskId: string, piece: PieceName): WorkMessage {
  return { topic: 'prepare', taskId, source: pieceOf(piece)?.clip ?? 0, piece };
}

export interface Next {
  /** Those that can go, and those that fail because a source or piece has failed. */
  renders: Combination[];
  /** Pieces that others lack, all of whose sources are prepared. */
  missing: PieceName[];
}

export async function nextAmong(
  task: Task,
  combinations: readonly Combination[],
  pins: PinStore,
): Promise<Next> {
  const ready = await readyAmong(task, combinations, pins);
  const missingFor = new Map(
    (await pieceStates(task, ready, pins)).map((state) => [state.combination.index, missingOf(state)]),
  );
  return {
    renders: ready.filter(({ index }) => missingFor.get(index) === undefined),
    missing: [...new Set([...missingFor.values()].flatMap((missing) => missing ?? []))],
  };
}

/** Those whose sources are all prepared, and those that fail because one of them has failed. */
async function readyAmong(
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
