import type { FromSchema } from 'json-schema-to-ts';
import { ENDED_STATUSES } from '../task.ts';
import { linksSchema } from './links.ts';
import { failureSchema } from './render.ts';
import { count, list, number, object, oneOf, text, textOrNull, time, timeOrNull } from './shape.ts';

/**
 * `waiting`: the task has not ended. `pending`: the event was not delivered yet and is tried again. `failed`: given up, after
 * a day or because the receiver answered 410.
 */
export const WEBHOOK_STATES = ['waiting', 'pending', 'delivered', 'failed'] as const;
export type WebhookStateName = (typeof WEBHOOK_STATES)[number];

export const webhookSchema = object({
  url: text('The origin of the callback_url, as its path and its query may be secret.'),
  event_id: text('The webhook-id of the event, the same at every delivery.'),
  state: oneOf(WEBHOOK_STATES, 'What became of the event.'),
  attempts: count('Deliveries that were tried.'),
  last_attempt_at: timeOrNull('When the last one was tried.'),
  next_try_at: timeOrNull('When the next one is due; null: none is.'),
  error: textOrNull('What the last delivery failed with.'),
});
export type WebhookView = FromSchema<typeof webhookSchema>;

export const EVENT_TYPES = ENDED_STATUSES.map((status) => `task.${status}` as const);

/** The body of the event that callback_url gets. https://www.standardwebhooks.com */
export const eventSchema = object({
  type: oneOf(EVENT_TYPES, 'How the task ended.'),
  timestamp: time('When it ended.'),
  data: object({
    task_id: text('A UUID.'),
    task_name: text('As posted.'),
    status: oneOf(ENDED_STATUSES, 'How the task ended.'),
    combinations: count('All of them.'),
    succeeded: count('Combinations that became videos.'),
    failed: count('Combinations that failed for good.'),
    cancelled: count('Combinations that were cancelled.'),
    seconds: number('From the request to the end.'),
    failures: list(
      object({ index: count('Number of the combination.'), ...failureSchema.properties }),
      'The failed combinations, up to 100 of them.',
    ),
    output_folder: text('Path of the folder, or its address.'),
    retry_of: textOrNull('The task that this one retries.'),
    created_at: time('When it was accepted.'),
    completed_at: time('When it ended.'),
    metadata: { description: 'As posted; null without it.' },
    links: linksSchema,
  }),
});
export type WebhookEvent = FromSchema<typeof eventSchema>;
