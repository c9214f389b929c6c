/** Creates the topics and subscriptions on the Pub/Sub emulator. Existing subscriptions get the new endpoints. */
import { PubSub } from '@google-cloud/pubsub';
import { GRPC, grpcCode } from '../../functions/adapters/shared/google-errors.ts';
import type { FunctionName } from '../../functions/hosts/cloud.ts';
import {
  ACK_DEADLINE_SECONDS,
  MAX_DELIVERY_ATTEMPTS,
  RETENTION_SECONDS,
  RETRY_POLICY,
  SUBSCRIPTIONS,
  TOPICS,
} from '../cloud/topology.ts';

export interface ProvisionOptions {
  projectId: string;
  /** The URL of each function. */
  urls: Readonly<Partial<Record<FunctionName, string>>>;
  /** Leaves out the retry policy, with which the emulator pauses for seconds before it delivers again. */
  impatient?: boolean;
  maxDeliveryAttempts?: number;
}

/** Uses the emulator at PUBSUB_EMULATOR_HOST. Can be called repeatedly. */
export async function provision({
  projectId,
  urls,
  impatient,
  maxDeliveryAttempts,
}: ProvisionOptions): Promise<void> {
  const pubsub = new PubSub({ projectId });
  try {
    for (const topic of TOPICS) await unlessThere(() => pubsub.createTopic(topic));
    for (const { name, topic, to, deadLetterTopic } of SUBSCRIPTIONS) {
      const pushConfig = { pushEndpoint: urls[to] ?? '' };
      const made = await unlessThere(() =>
        pubsub.createSubscription(topic, name, {
          pushConfig,
          ackDeadlineSeconds: ACK_DEADLINE_SECONDS,
          messageRetentionDuration: { seconds: RETENTION_SECONDS },
          // Never expires; by default a subscription is deleted after an idle month.
          expirationPolicy: {},
          ...(impatient ? {} : { retryPolicy: RETRY_POLICY }),
          ...(deadLetterTopic === undefined
            ? {}
            : {
                deadLetterPolicy: {
                  deadLetterTopic: pubsub.topic(deadLetterTopic).name,
                  maxDeliveryAttempts: maxDeliveryAttempts ?? MAX_DELIVERY_ATTEMPTS,
                },
              }),
        }),
      );
      if (!made) await pubsub.subscription(name).modifyPushConfig(pushConfig);
    }
  } finally {
    await pubsub.close();
  }
}

/** Returns false if it already existed. */
async function unlessThere(create: () => Promise<unknown>): Promise<boolean> {
  try {
    await create();
    return true;
  } catch (error) {
    if (grpcCode(error) === GRPC.ALREADY_EXISTS) return false;
    throw error;
  }
}
