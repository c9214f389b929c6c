/**
 * Looks at the messages that every-cut-dead-letter-push has not delivered, or puts their work back into its queue. Called by
 * dead-letters.sh. A push subscription cannot be read, so its pushes pause meanwhile; nothing is lost by that.
 * https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions
 */
import { setTimeout as pause } from 'node:timers/promises';
import { topicName } from '../../functions/adapters/pubsub/pubsub.ts';
import { readPush } from '../../functions/adapters/pubsub/push.ts';
import { counted } from '../../functions/base/counted.ts';
import { subjectOf } from '../../functions/coordination/log-nack.ts';
import { googleApi } from './google-api.ts';
import { SUBSCRIPTIONS } from './topology.ts';

interface Received {
  ackId: string;
  message: { data?: string; attributes?: Record<string, string>; messageId: string; publishTime?: string };
}

const LOOK_EVERY_MS = 1_000;
const AT_A_TIME = 100;

const [project = '', action = '', seconds = '', task = ''] = process.argv.slice(2);
const { ACCESS_TOKEN = '', CLOUDSDK_API_ENDPOINT_OVERRIDES_PUBSUB } = process.env;
const ask = googleApi({
  name: 'Pub/Sub',
  url: `${CLOUDSDK_API_ENDPOINT_OVERRIDES_PUBSUB ?? 'https://pubsub.googleapis.com/'}v1/`,
  project,
  token: ACCESS_TOKEN,
});
const subscription = `projects/${project}/subscriptions/${SUBSCRIPTIONS.find(({ to }) => to === 'deadLetter')?.name}`;
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop.abort());

const found = (await ask('GET', subscription)) as { pushConfig?: { pushEndpoint?: string } } | undefined;
if (!found?.pushConfig?.pushEndpoint) {
  console.error(
    `Expected ${subscription} to push to the function of dead letters, got ${found ? 'none: an earlier run was killed' : 'no such subscription'}. ` +
      'Next step: run infra/cloud/subscribe.sh.',
  );
  process.exit(1);
}
const { pushConfig } = found;
console.log(`Pushes of dead letters pause for ${seconds} s, or until Ctrl-C.`);
try {
  await setPushConfig({});
  await work();
} finally {
  await setPushConfig(pushConfig);
  console.log('Pushes of dead letters go on.');
}

async function work(): Promise<void> {
  /** By message, the latest right to acknowledge it: after ten minutes, it is received once more. */
  const held = new Map<string, string>();
  let replayed = 0;
  const until = performance.now() + Number(seconds) * 1_000;
  while (performance.now() < until && !stop.signal.aborted) {
    const some = await pull();
    for (const received of some) {
      const isNew = !held.has(received.message.messageId);
      held.set(received.message.messageId, received.ackId);
      if (isNew && (await handled(received))) {
        held.delete(received.message.messageId);
        replayed++;
      }
    }
    if (some.length === 0) await pause(LOOK_EVERY_MS, undefined, { signal: stop.signal }).catch(() => {});
  }
  const ackIds = [...held.values()];
  for (let from = 0; from < ackIds.length; from += AT_A_TIME) {
    const some = ackIds.slice(from, from + AT_A_TIME);
    await ask('POST', `${subscription}:modifyAckDeadline`, { ackIds: some, ackDeadlineSeconds: 0 });
  }
  console.log(`${counted(held.size, 'dead letter')} waiting, ${replayed} put back into the queues`);
}

/** Prints it. Whether its work is back in its queue, and the letter gone. */
async function handled({ ackId, message }: Received): Promise<boolean> {
  const pushed = readPush({ message }, 'dead-letter');
  if ('malformed' in pushed) {
    console.log(`${message.publishTime ?? ''}\t${message.messageId}: ${pushed.malformed}`);
    return false;
  }
  const { taskId, message: given, reason } = pushed.message;
  if (task !== '' && task !== taskId) return false;
  console.log(`${message.publishTime ?? ''}\t${taskId}: ${subjectOf(given, undefined)}: ${reason}`);
  if (action !== 'replay') return false;
  const data = Buffer.from(JSON.stringify(given)).toString('base64');
  await ask('POST', `projects/${project}/topics/${topicName(given.topic)}:publish`, {
    messages: [{ data, attributes: traceOf(message.attributes) }],
  });
  await ask('POST', `${subscription}:acknowledge`, { ackIds: [ackId] });
  return true;
}

/** Without what Pub/Sub adds to a dead letter. */
function traceOf(attributes: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => !name.startsWith('CloudPubSub')));
}

async function pull(): Promise<Received[]> {
  const answer = (await ask('POST', `${subscription}:pull`, {
    maxMessages: AT_A_TIME,
    returnImmediately: true,
  })) as { receivedMessages?: Received[] };
  return answer.receivedMessages ?? [];
}

async function setPushConfig(config: object): Promise<void> {
  await ask('POST', `${subscription}:modifyPushConfig`, { pushConfig: config });
}
