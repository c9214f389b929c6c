import type { Failure } from '../base/errors.ts';
import { prepareKey, renderKey } from '../coordination/lease-keys.ts';
import type { MessageOf } from '../model/messages.ts';
import { failedReport, type ReportingDeps, reportAndCheck } from '../pipeline/reporting.ts';
import type { Delivery, LeaseStore, PinStore, TaskStore } from '../ports.ts';

export interface DeadLetterDeps extends ReportingDeps {
  tasks: TaskStore;
  pins: PinStore;
  leases: LeaseStore;
}

/** A message that was delivered too often ends as a recorded failure, so that its task ends too. */
export async function deadLetter(
  { taskId, message, reason }: MessageOf<'dead-letter'>,
  _delivery: Delivery,
  deps: DeadLetterDeps,
): Promise<void> {
  const task = await deps.tasks.get(taskId);
  if (task === undefined) return;
  deps.log.error(`Gave up on a ${message.topic} message: ${reason}`, {
    event: 'message.dead_lettered',
    task_id: task.id,
    task_name: task.name,
    topic: message.topic,
    ...(message.topic === 'render' ? { index: message.index } : {}),
  });
  const error: Failure = {
    code: 'undeliverable',
    stage: 'deliver',
    message: `Expected its message to be dealt with, got it back too often. Last reason: ${reason}`,
  };
  if (message.topic === 'prepare') {
    const [lease] = await deps.leases.read([prepareKey(taskId, message.source)]);
    // A duplicate of work that goes on: whoever is at it pins what comes of it.
    if (lease?.held) return deps.queue.publish([message]);
    await deps.pins.write(taskId, `prepared-${message.source}`, { error });
  }
  if (message.topic === 'render') {
    const combination = task.plan.combinations.find(({ index }) => index === message.index);
    if (combination === undefined) return;
    const [lease] = await deps.leases.read([renderKey(taskId, message.index)]);
    if (lease === undefined || lease.held || lease.takes === 0) {
      // Someone is at it, and will report; or it only ever waited for its sources, which end on their own.
      await deps.queue.publish([message]);
      return;
    }
    await reportAndCheck(
      task,
      failedReport(task, combination, error, { attempts: lease.crashes + lease.failures }),
      deps,
    );
  }
  // A `complete` that failed is repeated by sweep as long as the task is not finished.
}
