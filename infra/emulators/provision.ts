/** Makes the topics and subscriptions on the Pub/Sub emulator; what is there already gets the new endpoints. */
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
  /** Where each function is reached. */
  urls: Readonly<Partial<Record<FunctionName, string>>>;
  /** Without the retry policy, which the emulator takes for pauses of seconds: it delivers again after one. */
  impatient?: boolean;
  maxDeliveryAttempts?: number;
}

/** PUBSUB_EMULATOR_HOST says where. Repeating it is harmless. */
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
          // Never: an idle month must not end it.
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

/** False where it was there. */
async function unlessThere(create: () => Promise<unknown>): Promise<boolean> {
  try {
    await create();
    return true;
  } catch (error) {
    if (grpcCode(error) === GRPC.ALREADY_EXISTS) return false;
    throw error;
  }
}
