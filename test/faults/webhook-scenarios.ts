/** Tasks with a `callback_url`, at their end: each event is sent, and is the same at each delivery. */
import { eventId } from '../../functions/model/webhook.ts';
import type { Receiver } from '../fixtures/network/receiver.ts';
import { type Scenario, SUCCEEDED } from './scenario.ts';
import type { Sources } from './sources.ts';
import { createTask, reportSucceeded } from './tasks.ts';

/**
 * A task whose end, and whose event, are all that is left to do.
 * @param messages for its end, each of which publishes its event
 * @param least deliveries of the event
 */
function webhookScenario(
  name: string,
  receiverOf: (sources: Sources) => Receiver,
  { messages = 1, least = 1 } = {},
): Scenario {
  return {
    name,
    stages: ['complete', 'webhook'],
    async setUp(ports, sources) {
      const { clips, video } = sources;
      const callback = { url: receiverOf(sources).url, baseUrl: 'https://ads.example' };
      const task = await createTask(ports, name, clips.slice(0, 2), { callback });
      await ports.tasks.markPublished(task.id);
      for (const index of [1, 2]) await reportSucceeded(ports, task, index, video);
      await ports.reports.claimCompletion(task.id, 2);
      await ports.queue.publish(
        Array.from({ length: messages }, () => ({ topic: 'complete', taskId: task.id })),
      );
      await ports.reports.markCompletionPublished(task.id);
      return [task.id];
    },
    async check({ tasks }, sources, [id = '']) {
      const receiver = receiverOf(sources);
      const finishedAt = (await tasks.progress(id))?.finishedAt ?? Number.POSITIVE_INFINITY;
      const own = receiver.received.filter(({ body }) => body.includes(id));
      const wrong = own.length < least ? [`its event was sent ${own.length} times`] : [];
      for (const received of own) {
        const sent = String(received.headers['webhook-id']);
        if (sent !== eventId(id)) wrong.push(`an event has the id ${sent}`);
        if (received.at < finishedAt) wrong.push('an event was sent before the task had ended');
        if (received.body !== own[0]?.body) wrong.push('two deliveries of the event differ');
        receiver.verified(received);
      }
      return wrong;
    },
    endings: () => SUCCEEDED,
  };
}

export const WEBHOOK = webhookScenario('webhook', ({ receiver }) => receiver);

/** The receiver refuses the first delivery. */
export const REFUSED = webhookScenario('refused webhook', ({ reluctant }) => reluctant, { least: 2 });

/** Two messages at once for its end, and so for its event. */
export const TWICE = webhookScenario('webhook, two messages', ({ receiver }) => receiver, { messages: 2 });
