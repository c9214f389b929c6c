/** Records how long each push to a function is open. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { type Message, PubSub } from '@google-cloud/pubsub';

export interface Push {
  message: { taskId: string; index?: number; source?: number };
  /** Milliseconds since the epoch. */
  from: number;
  to: number;
  accepted: boolean;
}

/** Of the pushes that have been answered, in the order of their answers. */
export type Pushes = readonly Push[];

export interface PushMeter extends AsyncDisposable {
  /** For the subscription. */
  url: string;
  pushes: Pushes;
}

/** Stands between the Pub/Sub emulator and the function at `to`. */
export async function meterPushes(to: string): Promise<PushMeter> {
  const pushes: Push[] = [];
  const server = createServer(async (request, response) => {
    const accepted = await push(to, await buffer(request), pushes);
    response.writeHead(accepted ? 204 : 503).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    pushes,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export interface WideWindowOptions {
  projectId: string;
  /** Its subscription must not push by itself. */
  topic: string;
  /** Pushes at a time. The emulator sends two, Pub/Sub many more while they are answered fast. */
  window: number;
  to: string;
}

/** Pushes the messages of a topic to the function at `to` instead of the emulator. */
export async function pushWithin(options: WideWindowOptions): Promise<AsyncDisposable & { pushes: Pushes }> {
  const pushes: Push[] = [];
  const pubsub = new PubSub({ projectId: options.projectId });
  const name = `${options.topic}-wide`;
  const [subscription] = await pubsub.createSubscription(options.topic, name, { ackDeadlineSeconds: 600 });
  subscription.setOptions({ flowControl: { maxMessages: options.window, allowExcessMessages: false } });
  subscription.on('message', async (message: Message) => {
    const { id, data, deliveryAttempt } = message;
    const envelope = { message: { messageId: id, data: data.toString('base64') }, deliveryAttempt };
    const accepted = await push(options.to, Buffer.from(JSON.stringify(envelope)), pushes);
    if (accepted) message.ack();
    else message.nack();
  });
  subscription.on('error', (error) => {
    throw error;
  });
  return {
    pushes,
    async [Symbol.asyncDispose]() {
      await subscription.close();
      await pubsub.close();
    },
  };
}

async function push(to: string, body: Buffer<ArrayBuffer>, pushes: Push[]): Promise<boolean> {
  const { message } = JSON.parse(body.toString()) as { message: { data: string } };
  const from = Date.now();
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(to, { method: 'POST', headers, body }).catch(() => undefined);
  await answer?.arrayBuffer();
  const accepted = answer?.ok ?? false;
  pushes.push({
    message: JSON.parse(Buffer.from(message.data, 'base64').toString()) as Push['message'],
    from,
    to: Date.now(),
    accepted,
  });
  return accepted;
}
