import type { Failure } from '../base/errors.ts';
import { prepareKey, renderKey } from '../coordination/lease-keys.ts';
import { subjectOf } from '../coordination/log-nack.ts';
import { NO_ATTEMPTS } from '../model/attempts.ts';
import type { MessageOf } from '../model/messages.ts';
import { failedReport, type ReportingDeps, reportAndCheck } from '../pipeline/reporting.ts';
import type { AttemptStore, Delivery, LeaseStore, PinStore, TaskStore } from '../ports.ts';

export interface DeadLetterDeps extends ReportingDeps {
  tasks: TaskStore;
  pins: PinStore;
  leases: LeaseStore;
  attempts: AttemptStore;
}

/** Records a message that was delivered too often as a failure, so that its task ends. */
export async function deadLetter(
  { taskId, message, reason }: MessageOf<'dead-letter'>,
  _delivery: Delivery,
  deps: DeadLetterDeps,
): Promise<void> {
  const task = await deps.tasks.get(taskId);
  if (task === undefined) return;
  const { topic, taskId: _, ...which } = message;
  deps.log.error(`Gave up on ${subjectOf(message, task)} after too many failed deliveries: ${reason}`, {
    event: 'message.dead_lettered',
    task_id: task.id,
    task_name: task.name,
    topic,
    ...which,
  });
  const error: Failure = {
    code: 'undeliverable',
    stage: 'deliver',
    message: `Expected its message to be processed, got too many failed deliveries. Last reason: ${reason}`,
  };
  if (message.topic === 'prepare') {
    const [state] = await deps.leases.read([prepareKey(taskId, message.source)]);
    // A duplicate of work that is still running: its holder pins the outcome.
    if (state === 'held') return deps.queue.publish([message]);
    await deps.pins.write(taskId, `prepared-${message.source}`, { error });
  }
  if (message.topic === 'render') {
    const combination = task.plan.combinations.find(({ index }) => index === message.index);
    if (combination === undefined) return;
    const key = renderKey(taskId, message.index);
    const [state = 'none'] = await deps.leases.read([key]);
    if (state === 'held' || state === 'none') {
      // Either its holder will report, or it has only waited for its sources, which end by themselves.
      await deps.queue.publish([message]);
      return;
    }
    const [{ crashes, failures } = NO_ATTEMPTS] = await deps.attempts.read([key]);
    const attempts = crashes + failures;
    await reportAndCheck(task, failedReport(task, combination, error, { attempts }), deps);
  }
  // A lost `complete` needs nothing here: the sweep publishes it again until the task is finished.
}
