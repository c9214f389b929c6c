/** The net below the messages: what should be under way, and is not, is published again. */
import { setImmediate as turnOfOthers } from 'node:timers/promises';
import { chunked } from '../base/chunked.ts';
import { pieceKey, prepareKey, renderKey, republishKey } from '../coordination/lease-keys.ts';
import type { WorkMessage } from '../model/messages.ts';
import type { Combination } from '../model/plan.ts';
import type { Task } from '../model/task.ts';
import type { AttemptStore } from '../ports/attempts.ts';
import type { LeaseStore } from '../ports/leases.ts';
import type { PinStore } from '../ports/pins.ts';
import type { Queue } from '../ports/queue.ts';
import type { ReportStore } from '../ports/reports.ts';
import { nextAmong, pieceMessage } from './ready-renders.ts';
import { openCombinations } from './reporting.ts';

export interface LostMessagesDeps {
  reports: ReportStore;
  pins: PinStore;
  leases: LeaseStore;
  attempts: AttemptStore;
  queue: Queue;
}

/** The messages may only wait in a long queue, in which each more makes it longer: the pauses grow, up to this. */
const LONGEST_PAUSE_MS = 3_600_000;
/** Leases and pins that are read at a time. */
const READ_AT_ONCE = 200;

/**
 * Publishes the prepares of sources and pieces without a pin, and the renders that could go, unless they are being worked on or are
 * known to be in the queue. Returns how many.
 * @param idleMs for how long nothing has gone on in the task
 */
export async function publishLost(
  task: Task,
  idleMs: number,
  { reports, pins, leases, attempts, queue }: LostMessagesDeps,
): Promise<number> {
  const pauseMs = Math.min(idleMs, LONGEST_PAUSE_MS);
  // Before anything else is read: there may be thousands of records.
  if ((await attempts.rest(republishKey(task.id), pauseMs)) === undefined) return 0;
  const open = await openCombinations(task, reports);
  const lost: WorkMessage[] = [];
  for (const some of chunked(await expected(task, open, pins), READ_AT_ONCE)) {
    const states = await leases.read(some.map(({ key }) => key));
    for (const [at, { message }] of some.entries()) {
      // A long queue is searched for each of them.
      await turnOfOthers();
      if (states[at] !== 'held' && !(await queue.has?.(message))) lost.push(message);
    }
  }
  await queue.publish(lost);
  return lost.length;
}

interface Expected {
  /** Of the lease that its handler has. */
  key: string;
  message: WorkMessage;
}

async function expected(task: Task, open: readonly Combination[], pins: PinStore): Promise<Expected[]> {
  const { id: taskId, plan } = task;
  const all: Expected[] = [];
  for (const some of chunked([...plan.sources.keys()], READ_AT_ONCE)) {
    const names = some.map((source) => `prepared-${source}` as const);
    const found = await pins.read(taskId, names);
    for (const [at, source] of some.entries()) {
      if (found[at] !== undefined) continue;
      all.push({ key: prepareKey(taskId, source), message: { topic: 'prepare', taskId, source } });
    }
  }
  const { renders, missing } = await nextAmong(task, open, pins);
  for (const name of missing) {
    all.push({ key: pieceKey(taskId, name), message: pieceMessage(taskId, name) });
  }
  for (const { index } of renders) {
    all.push({ key: renderKey(taskId, index), message: { topic: 'render', taskId, index } });
  }
  return all;
}
