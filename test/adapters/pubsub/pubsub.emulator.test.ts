import assert from 'node:assert/strict';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { createPubSubQueue } from '../../../functions/adapters/pubsub/pubsub.ts';
import { readPush } from '../../../functions/adapters/pubsub/push.ts';
import type { Message, MessageOf, Topic } from '../../../functions/model/messages.ts';
import type { Delivery } from '../../../functions/ports/queue.ts';
import { provision } from '../../../infra/emulators/provision.ts';
import { numbers, TIMEOUT_MS, until } from '../../contracts/harness.ts';
import { queueContract, renders } from '../../contracts/queue.ts';
import { newProject, ON_EMULATORS, useEmulators } from '../../fixtures/hosts/emulators.ts';
import { EXHAUSTIVE } from '../../fixtures/system/sample.ts';

useEmulators();

/** The minimum that Pub/Sub accepts. */
const MAX_DELIVERIES = 5;
/** Messages of one publish: several batches. */
const MANY = EXHAUSTIVE ? 10_000 : 2_500;

interface Consumer {
  handle: (message: Message, delivery: Delivery) => Promise<void>;
  stopping: AbortController;
  atWork: Set<Promise<unknown>>;
}

/** A project of its own, whose subscriptions push to a server of the test. */
async function openPubSub(traceparent?: () => string) {
  const projectId = newProject();
  const consumers = new Map<string, Consumer>();
  const traces: (string | undefined)[] = [];

  const deliver = async (request: IncomingMessage): Promise<number> => {
    const topic = request.url?.slice(1) as Topic;
    const pushed = readPush(await json(request), topic);
    const consumer = consumers.get(topic);
    if ('malformed' in pushed) return 204;
    if (consumer === undefined) return 503;
    traces.push(pushed.traceparent);
    const work = consumer.handle(pushed.message, { signal: consumer.stopping.signal });
    consumer.atWork.add(work);
    return work
      .then(
        () => 204,
        () => 503,
      )
      .finally(() => consumer.atWork.delete(work));
  };
  const server = createServer((request, response) => {
    deliver(request).then(
      (status) => response.writeHead(status).end(),
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const urls = {
    prepare: `${origin}/prepare`,
    render: `${origin}/render`,
    complete: `${origin}/complete`,
    webhook: `${origin}/webhook`,
    deadLetter: `${origin}/dead-letter`,
  };
  await provision({ projectId, urls, impatient: true, maxDeliveryAttempts: MAX_DELIVERIES });
  const queue = createPubSubQueue({ projectId, ...(traceparent === undefined ? {} : { traceparent }) });
  return {
    queue,
    traces,
    maxDeliveries: MAX_DELIVERIES,
    consume<T extends Topic>(
      topic: T,
      { handler }: { handler: (message: MessageOf<T>, delivery: Delivery) => Promise<void> },
    ) {
      const stopping = new AbortController();
      const handle = (message: Message, delivery: Delivery) => handler(message as MessageOf<T>, delivery);
      const consumer: Consumer = { handle, stopping, atWork: new Set() };
      consumers.set(topic, consumer);
      return {
        async stop() {
          consumers.delete(topic);
          stopping.abort(new Error('The consumer stops'));
          await Promise.allSettled(consumer.atWork);
        },
      };
    },
    async [Symbol.asyncDispose]() {
      await provision({ projectId, urls: {} });
      await queue[Symbol.asyncDispose]();
      server.close();
      server.closeAllConnections();
    },
  };
}

queueContract('pubsub', () => openPubSub(), ON_EMULATORS);

describe('the pubsub queue', { timeout: TIMEOUT_MS, ...ON_EMULATORS }, () => {
  it('carries the trace from the publisher to the handler', async () => {
    const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    await using harness = await openPubSub(() => trace);
    harness.consume('complete', { handler: async () => {} });
    await harness.queue.publish([{ topic: 'complete', taskId: 'a' }]);
    await until(() => harness.traces.length > 0, 'the message');
    assert.equal(harness.traces[0], trace);
  });

  it(`delivers each of ${MANY} messages of one publish`, async () => {
    await using harness = await openPubSub();
    const got = new Set<number>();
    harness.consume('render', {
      handler: async ({ index }) => {
        got.add(index);
      },
    });
    await harness.queue.publish(renders(MANY));
    await until(() => got.size === MANY, 'all of them');
    assert.ok(numbers(MANY).every((at) => got.has(at + 1)));
  });

  it('rejects messages for a topic that does not exist, and leaves no promise that rejects later', async () => {
    const lost = createPubSubQueue({ projectId: newProject() });
    await assert.rejects(lost.publish(renders(5_000)), /NOT_FOUND/);
    await lost[Symbol.asyncDispose]();
  });
});
