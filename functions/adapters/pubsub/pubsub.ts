import type { PubSub, Topic as PubSubTopic } from '@google-cloud/pubsub';
import type { Message, Topic } from '../../model/messages.ts';
import type { Queue } from '../../ports/queue.ts';
import { throughGate } from '../shared/google-errors.ts';

export interface PubSubOptions {
  /** If undefined, the project that the platform reports. */
  projectId?: string | undefined;
  /** The trace to which the messages belong. */
  traceparent?: () => string | undefined;
}

/** The name that Google's clients use, so that traces continue in subscribers that use them. */
export const TRACE_ATTRIBUTE = 'googclient_traceparent';

/** The limits are 1,000 messages and 10 MB per request: https://cloud.google.com/pubsub/quotas#resource_limits */
const BATCHING = { maxMessages: 1_000, maxBytes: 5_000_000, maxMilliseconds: 10 };
/**
 * Limit of unconfirmed messages per publish. Replaces the client's flow control: while that waits for room, it creates
 * promises without a handler, and the process ends if one of them rejects.
 */
const MAX_UNCONFIRMED = 2_000;

/** The names of the topics, as created by infra/. */
export function topicName(topic: Topic): string {
  return `every-cut-${topic}`;
}

/**
 * Publishes in batches, each message as JSON (see push.ts). The client's retries stay on, for up to ten minutes per
 * batch: only the client knows which batch failed, and a repeated publish would send all messages again.
 */
export function createPubSubQueue({ projectId, traceparent }: PubSubOptions = {}): Queue & AsyncDisposable {
  let client: Promise<PubSub> | undefined;
  // One object per topic, because it collects the batches.
  const topics = new Map<Topic, PubSubTopic>();

  const connect = async (): Promise<PubSub> => {
    // Loaded only when needed: it takes 0.3 s, and most deliveries publish nothing.
    const { PubSub } = await import('@google-cloud/pubsub');
    return new PubSub(projectId === undefined ? {} : { projectId });
  };

  const topicOf = (pubsub: PubSub, name: Topic): PubSubTopic => {
    const known = topics.get(name);
    if (known !== undefined) return known;
    const topic = pubsub.topic(topicName(name), { batching: BATCHING });
    topics.set(name, topic);
    return topic;
  };

  const publishTo = async (topic: PubSubTopic, messages: readonly Message[]): Promise<void> => {
    const trace = traceparent?.();
    const attributes = trace === undefined ? {} : { [TRACE_ATTRIBUTE]: trace };
    for (let from = 0; from < messages.length; from += MAX_UNCONFIRMED) {
      const some = messages.slice(from, from + MAX_UNCONFIRMED);
      await allOf(
        some.map((message) =>
          topic.publishMessage({ data: Buffer.from(JSON.stringify(message)), attributes }),
        ),
      );
    }
  };

  return {
    async publish(messages) {
      if (messages.length === 0) return;
      client ??= connect().catch((error: unknown) => {
        client = undefined;
        throw error;
      });
      const pubsub = await client;
      const byTopic = Map.groupBy(messages, ({ topic }) => topic);
      await throughGate('Pub/Sub', () =>
        allOf([...byTopic].map(([name, some]) => publishTo(topicOf(pubsub, name), some))),
      );
    },

    async [Symbol.asyncDispose]() {
      await (await client)?.close();
    },
  };
}

/** Waits for all of them, even if one fails, because the caller or the sweep then publishes all of them again. */
async function allOf(promises: readonly Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(promises)).find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
