import { TransientError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { MessageOf, Topic } from '../model/messages.ts';

/** Logs a failed delivery: as a warning, or at debug level if it only waited. */
export function logNack(
  log: Log,
  { topic, taskId, ...rest }: MessageOf<Topic>,
  delivery: number,
  error: unknown,
): void {
  const known = TransientError.is(error);
  const fields = { event: 'message.handed_back', task_id: taskId, topic, ...rest, delivery, error } as const;
  if (known && error.code === 'waiting') log.debug(`A ${topic} waits: ${error.message}`, fields);
  else log.warn(`A ${topic} is retried later: ${known ? error.message : 'unexpected error'}`, fields);
}
