import type { FromSchema } from 'json-schema-to-ts';
import { TRANSIENT_CODES } from '../../base/codes.ts';
import { STAGES } from '../../base/errors.ts';
import { TASK_STATUSES } from '../task.ts';
import { joinFields } from './join.ts';
import { linksSchema } from './links.ts';
import {
  count,
  list,
  nextCursor,
  number,
  numberOrNull,
  object,
  objectWith,
  oneOf,
  orNull,
  text,
  textOrNull,
  time,
  timeOrNull,
  url,
  warnings,
} from './shape.ts';
import { targetCountsSchema } from './targets.ts';
import { webhookSchema } from './webhook.ts';

export const acceptedSchema = objectWith(
  {
    task_id: text('A UUID.'),
    task_name: text('As posted.'),
    combinations: count('How many videos are made.'),
    seed: number('The same seed repeats the same choices.'),
    status_url: url('Ask there how the task is going.'),
    links: linksSchema,
    warnings,
  },
  { retry_of: text('The task that this one retries.') },
);
export type Accepted = FromSchema<typeof acceptedSchema>;

export const problemViewSchema = object({
  code: oneOf(TRANSIENT_CODES, 'What went wrong.'),
  message: text('Names the clip, track, line or combination, and the cause.'),
  stage: oneOf(STAGES, 'Where it went wrong.'),
  hint: text('What to do.'),
  since: time('When this work failed first since it last went on.'),
  next_try_at: timeOrNull('When it is tried again; null if unknown.'),
});
export type ProblemView = FromSchema<typeof problemViewSchema>;

const counts = {
  combinations: count('All of them, the sum of the next four.'),
  succeeded: count('Combinations that became videos.'),
  failed: count('Combinations that failed for good.'),
  cancelled: count('Combinations that were cancelled.'),
  pending: count('Combinations that have not ended.'),
  percent: count('Share of combinations that have ended, in whole percent.'),
};

export const statusSchema = object(
  {
    task_id: text('A UUID.'),
    task_name: text('As posted.'),
    status: oneOf(TASK_STATUSES, 'How far the task is, or how it ended.'),
    sources: count('Distinct clips, tracks and lines.'),
    prepared: count('Sources that are ready to be mixed.'),
    ...counts,
    elapsed_seconds: number('Since the request, or until the end.'),
    eta_seconds: numberOrNull('Expected time to the end; null while it is unknown.'),
    problem: orNull(problemViewSchema, 'What holds up the task.'),
    ...joinFields,
    output_folder: text('Path of the folder, or its address.'),
    retry_of: textOrNull('The task that this one retries.'),
    created_at: time('When it was accepted.'),
    completed_at: timeOrNull('When it ended; null until then.'),
    metadata: { description: 'As posted; null without it.' },
    webhook: orNull(webhookSchema, 'The event for callback_url; null without one.'),
    targets: list(targetCountsSchema, 'Finished videos by their checks, one entry per target of the task.'),
    warnings,
    links: linksSchema,
  },
  'How a task is going.',
);
export type StatusView = FromSchema<typeof statusSchema>;

export const taskEntrySchema = object({
  task_id: text('A UUID.'),
  task_name: text('As posted.'),
  status: oneOf(TASK_STATUSES, 'How far the task is, or how it ended.'),
  ...counts,
  created_at: time('When it was accepted.'),
  completed_at: timeOrNull('When it ended; null until then.'),
  links: linksSchema,
});
export type TaskEntry = FromSchema<typeof taskEntrySchema>;

export const taskListSchema = object({ tasks: list(taskEntrySchema), next_cursor: nextCursor });
export type TaskList = FromSchema<typeof taskListSchema>;
