/**
 * Notes the transient errors that hold up a task, for its status. The retry policy and the hosts report them; which work
 * they hold up is known from the context. Notes never fail the work.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { isDiskFull, isNoProblem, PermanentError, type Stage, TransientError } from '../base/errors.ts';
import { add } from '../base/telemetry/metrics.ts';
import { errorType } from '../base/telemetry/spans.ts';
import type { Message } from '../model/messages.ts';
import { type Problem, type Work, workName } from '../model/problem.ts';
import type { ProblemStore } from '../ports/problems.ts';
import { createProblemNotes, type ProblemNotes } from './problem-notes.ts';

export interface Problems {
  /** Runs the delivery of a message. Problems of its work are over if it succeeds. */
  during<T>(message: Message, work: () => Promise<T>): Promise<T>;
  /** Called after a failed delivery. `pauseMs`: until the next one, if that is known. Never rejects. */
  handedBack(message: Message, error: unknown, pauseMs?: number): Promise<void>;
  /** Problems of a task as far as they are known, latest first. Their work may have ended meanwhile. */
  latest(taskId: string): Promise<Problem[]>;
}

interface Context {
  notes: ProblemNotes;
  taskId: string;
  work: Work;
}

const current = new AsyncLocalStorage<Context>();
/** The work that an error held up, for whoever gets the error later. */
const heldUp = new WeakMap<Error, { work: Work; stage: Stage | null }>();

export function createProblems({ store, now }: { store: ProblemStore; now?: () => number }): Problems {
  const notes = createProblemNotes(store, now);
  return {
    async during(message, work) {
      const own = workOf(message);
      if (own === undefined) return work();
      notes.begin(message.taskId);
      const value = await current.run({ notes, taskId: message.taskId, work: own }, work);
      await notes.clear(message.taskId, (problem) => workName(problem.work) === workName(own));
      return value;
    },

    async handedBack(message, error, pauseMs) {
      countRetry(error, heldUp.get(error as Error)?.stage ?? message.topic);
      const own = workOf(message);
      if (own === undefined) return;
      const { taskId } = message;
      if (isNoProblem(error)) return notes.postpone(taskId, own, pauseMs);
      const shown = shownError(error);
      if (shown === undefined) return;
      const { work, stage } = heldUp.get(error as Error) ?? { work: own, stage: null };
      await notes.note(taskId, { work, stage, ...shown }, { pauseMs, carrier: own });
    },

    latest: (taskId) => notes.latest(taskId),
  };
}

/** Runs a part of the work that is the work of the whole task. Its problems are over with success and with failure. */
export async function asWork<T>(work: Work, run: () => Promise<T>): Promise<T> {
  const context = current.getStore();
  if (context === undefined) return run();
  const { notes, taskId } = context;
  const over = () => notes.clear(taskId, (problem) => workName(problem.work) === workName(work));
  try {
    const value = await current.run({ ...context, work }, run);
    await over();
    return value;
  } catch (error) {
    if (PermanentError.is(error)) await over();
    else if (error instanceof Error && !heldUp.has(error)) heldUp.set(error, { work, stage: null });
    throw error;
  }
}

/** Counts a failed try that is repeated: within its delivery, or by the next one. @param stage or topic of the message */
export function countRetry(error: unknown, stage: string | undefined): void {
  if (isNoProblem(error)) return;
  add('every_cut.retries', 1, { 'error.type': errorType(error), 'every_cut.stage': stage });
}

/** Called by the retry policy after each failed try of a step that is tried again. */
export function noteFailedTry(
  error: TransientError,
  stage: Stage | undefined,
  pauseMs: number | undefined,
): void {
  const context = current.getStore();
  if (context === undefined || isNoProblem(error)) return;
  const { notes, taskId, work } = context;
  heldUp.set(error, { work, stage: stage ?? null });
  void notes.note(
    taskId,
    { work, stage: stage ?? null, code: error.code, message: error.message },
    { pauseMs },
  );
}

/**
 * Called by the retry policy when a step succeeds: after failed tries, or of a stage that tells it from other steps of the
 * same work.
 */
export function noteSuccess(stage: Stage | undefined): void {
  const context = current.getStore();
  if (context === undefined) return;
  const { notes, taskId, work } = context;
  void notes.clear(
    taskId,
    (problem) => workName(problem.work) === workName(work) && problem.stage === (stage ?? null),
  );
}

/** Undefined for a dead letter, whose work is given up, and for the event of a task, which has ended. */
function workOf(message: Message): Work | undefined {
  switch (message.topic) {
    case 'prepare':
      return {
        ...{ topic: message.topic, source: message.source },
        ...(message.piece !== undefined && { piece: message.piece }),
      };
    case 'render':
      return { topic: message.topic, index: message.index };
    case 'complete':
      return { topic: message.topic };
    case 'webhook':
    case 'dead-letter':
      return undefined;
  }
}

/** Undefined for unexpected errors: they are tried only a few times, and the log has them. */
function shownError(error: unknown): Pick<Problem, 'code' | 'message'> | undefined {
  if (TransientError.is(error)) return { code: error.code, message: error.message };
  if (!isDiskFull(error)) return undefined;
  return { code: 'disk_full', message: 'Expected room on the disk, got none left.' };
}
