/**
 * The topics and push subscriptions between the functions, the same in the cloud and on the emulator.
 * https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions
 */
import { topicName } from '../../functions/adapters/pubsub/pubsub.ts';
import type { FunctionName } from '../../functions/hosts/cloud.ts';
import type { Topic } from '../../functions/model/messages.ts';

export interface PushSubscription {
  name: string;
  topic: string;
  /** The function whose URL receives the messages. */
  to: FunctionName;
  /** Receives messages after too many deliveries; undefined to deliver until the retention time ends. */
  deadLetterTopic: string | undefined;
}

/** The longest that Pub/Sub allows; a function ends its work earlier (functions/hosts/cloud.ts). */
export const ACK_DEADLINE_SECONDS = 600;
/** The most that Pub/Sub allows, because a push that finds no free instance also counts. */
export const MAX_DELIVERY_ATTEMPTS = 100;
export const RETRY_POLICY = { minimumBackoff: { seconds: 10 }, maximumBackoff: { seconds: 600 } };
export const RETENTION_SECONDS = 7 * 24 * 3_600;

const DEAD_LETTERS = topicName('dead-letter');

export const TOPICS: readonly string[] = (
  ['prepare', 'render', 'complete', 'webhook', 'dead-letter'] satisfies Topic[]
).map(topicName);

export const SUBSCRIPTIONS: readonly PushSubscription[] = [
  subscription('prepare', 'prepare', DEAD_LETTERS),
  subscription('render', 'render', DEAD_LETTERS),
  subscription('complete', 'complete', DEAD_LETTERS),
  subscription('dead-letter', 'deadLetter', undefined),
  // What a receiver refuses is acknowledged, and sent again by the sweep.
  subscription('webhook', 'webhook', undefined),
];

function subscription(topic: Topic, to: FunctionName, deadLetterTopic: string | undefined): PushSubscription {
  return { name: `${topicName(topic)}-push`, topic: topicName(topic), to, deadLetterTopic };
}
