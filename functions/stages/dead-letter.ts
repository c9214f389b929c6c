import { type Failure, TransientError } from '../base/errors.ts';
import { pieceKey, prepareKey, renderKey } from '../coordination/lease-keys.ts';
import { subjectOf } from '../coordination/log-nack.ts';
import { NO_ATTEMPTS } from '../model/attempts.ts';
import type { LeaseState } from '../model/lease-state.ts';
import type { MessageOf, WorkMessage } from '../model/messages.ts';
import type { Task } from '../model/task.ts';
import type { Joins } from '../pipeline/decide-join.ts';
import { publishAfterPiece, publishReadyRenders } from '../pipeline/ready-renders.ts';
import { failedReport, type ReportingDeps, reportAndCheck } from '../pipeline/reporting.ts';
import type { AttemptStore } from '../ports/attempts.ts';
import type { LeaseStore } from '../ports/leases.ts';
import type { PinStore } from '../ports/pins.ts';
import type { Delivery } from '../ports/queue.ts';
import type { TaskStore } from '../ports/tasks.ts';

export interface DeadLetterDeps extends ReportingDeps {
  tasks: TaskStore;
  pins: PinStore;
  leases: LeaseStore;
  attempts: AttemptStore;
  joins: Pick<Joins, 'resume' | 'withoutIt'>;
}

/** Records a message that was delivered too often as a failure, so that its task ends. */
export async function deadLetter(
  { taskId, message, reason }: MessageOf<'dead-letter'>,
  _delivery: Delivery,
  deps: DeadLetterDeps,
): Promise<void> {
  const task = await deps.tasks.get(taskId);
  if (task === undefined) return;
  if (message.topic === 'render') return renderLetter(task, message, reason, deps);
  if (message.topic === 'prepare') await requireIdle(keyOf(message), deps);
  logGivenUp(task, message, reason, deps);
  if (message.topic === 'prepare' && message.piece !== undefined) {
    await deps.pins.write(taskId, `piece-${message.piece}`, { error: undeliverable(reason) });
    await publishAfterPiece(task, message.piece, deps);
  } else if (message.topic === 'prepare') {
    await deps.pins.write(taskId, `prepared-${message.source}`, { error: undeliverable(reason) });
    await publishReadyRenders(task, message.source, deps);
    if (task.plan.sources[message.source]?.kind === 'clip') {
      await deps.joins.resume(task, message.source);
      await deps.joins.withoutIt(task, message.source);
    }
  }
  // A lost `complete` or `webhook` needs nothing here: the sweep publishes it again as long as it is needed.
}

function keyOf({ taskId, source, piece }: MessageOf<'prepare'>): string {
  return piece === undefined ? prepareKey(taskId, source) : pieceKey(taskId, piece);
}

async function renderLetter(
  task: Task,
  message: MessageOf<'render'>,
  reason: string,
  deps: DeadLetterDeps,
): Promise<void> {
  const combination = task.plan.combinations.find(({ index }) => index === message.index);
  if (combination === undefined) return;
  const key = renderKey(task.id, message.index);
  // If nobody has begun with it, that is no reason to fail.
  if ((await requireIdle(key, deps)) === 'none') return deps.queue.publish([message]);
  logGivenUp(task, message, reason, deps);
  const [{ crashes, failures } = NO_ATTEMPTS] = await deps.attempts.read([key]);
  const attempts = crashes + failures;
  await reportAndCheck(task, failedReport(task, combination, undeliverable(reason), { attempts }), deps);
}

function logGivenUp(task: Task, message: WorkMessage, reason: string, { log }: DeadLetterDeps): void {
  const { topic, taskId: _, ...which } = message;
  log.error(`Gave up on ${subjectOf(message, task)} after too many failed deliveries: ${reason}`, {
    event: 'message.dead_lettered',
    task_id: task.id,
    task_name: task.name,
    topic,
    ...which,
  });
}

function undeliverable(reason: string): Failure {
  return {
    code: 'undeliverable',
    stage: 'deliver',
    message: `Expected its message to be processed, got too many failed deliveries. Last reason: ${reason}`,
  };
}

/**
 * Hands the letter back while work is under way: it may end well. Or it is the very message whose process has just died, and
 * until its lease lapses, any other message would be left to it.
 */
async function requireIdle(key: string, { leases }: DeadLetterDeps): Promise<LeaseState> {
  const [state = 'none'] = await leases.read([key]);
  if (state === 'held') throw new TransientError('waiting', `A process may be at work on ${key}.`);
  return state;
}
