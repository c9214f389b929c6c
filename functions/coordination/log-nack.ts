import { LRUCache } from 'lru-cache';
import { TransientError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { MessageOf, Topic } from '../model/messages.ts';
import { titleOf } from '../model/plan.ts';
import type { Task } from '../model/task.ts';
import type { TaskStore } from '../ports/tasks.ts';

/** The same reason for the same source, or for the renders of a task, is a warning once in this time. */
const REPEATED_AFTER_MS = 10 * 60_000;
const REASONS_KEPT = 1_000;

/** @param tasks for the names in the line; without one it has the task's id only */
export type LogNack = (
  message: MessageOf<Topic>,
  delivery: number,
  error: unknown,
  tasks?: Pick<TaskStore, 'get'>,
) => Promise<void>;

/**
 * Logs failed deliveries: as warnings, but at debug level those that only waited, and those whose reason was logged a short
 * while ago. A thousand renders that find the disk full, or the same bug, are one warning.
 */
export function createNackLog(log: Log): LogNack {
  /** How often each reason was left out since its last warning. */
  const reasons = new LRUCache<string, { left: number }>({ max: REASONS_KEPT, ttl: REPEATED_AFTER_MS });
  return async (message, delivery, error, tasks) => {
    const { topic, taskId, ...rest } = message;
    const code = TransientError.is(error) ? error.code : undefined;
    const fields = {
      event: 'message.handed_back',
      task_id: taskId,
      topic,
      ...rest,
      delivery,
      ...(code && { code }),
      error,
    } as const;
    if (code === 'waiting') {
      log.debug(`A ${topic} waits: ${(error as Error).message}`, fields);
      return;
    }
    const reason = [taskId, topic, topic === 'prepare' ? message.source : '', code ?? kindOf(error)].join(
      ' ',
    );
    const known = reasons.get(reason);
    // A store that does not answer would hold up the message, too.
    const isAway = code === 'platform_unavailable';
    const task = isAway ? undefined : await tasks?.get(taskId).catch(() => undefined);
    const about = { ...fields, ...(task && { task_name: task.name }) };
    const why = code === undefined ? 'an unexpected error' : (error as Error).message;
    const subject = subjectOf(message, task);
    const line = `${subject.charAt(0).toUpperCase()}${subject.slice(1)} is tried again later: ${why}`;
    if (known === undefined) {
      reasons.set(reason, { left: 0 });
      log.warn(line, about);
    } else {
      known.left++;
      // The warning has its stack.
      log.debug(line, { ...about, error: String(error), repeated: known.left });
    }
  };
}

/** Tells unexpected errors apart, as far as their texts do not: those may name a file or a combination. */
function kindOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const { code = '' } = error as NodeJS.ErrnoException;
  return [error.name, code, /^ +at .*$/m.exec(error.stack ?? '')?.[0]].join(' ');
}

/** What a message is about, for a person who reads the log. */
export function subjectOf(message: MessageOf<Topic>, task: Task | undefined): string {
  switch (message.topic) {
    case 'prepare': {
      const source = task?.plan.sources[message.source];
      const name = source === undefined ? `source ${message.source}` : `the ${titleOf(source)}`;
      return message.piece === undefined ? name : `${message.piece} of ${name}`;
    }
    case 'render':
      return `combination ${message.index}`;
    case 'complete':
      return 'the completion of the task';
    case 'webhook':
      return 'the event of the task';
    case 'dead-letter':
      return `the end of ${subjectOf(message.message, task)}`;
  }
}
