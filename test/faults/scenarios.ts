/** What exists before the first process starts, what is requested of it, and how each combination may end. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { IdleRecord } from '../../functions/coordination/idle-time.ts';
import { idleKey, renderKey } from '../../functions/coordination/lease-keys.ts';
import type { Message } from '../../functions/model/messages.ts';
import type { Combination } from '../../functions/model/plan.ts';
import type { Task } from '../../functions/model/task.ts';
import { eventId } from '../../functions/model/webhook.ts';
import { publishTask } from '../../functions/pipeline/publish.ts';
import { failedReport } from '../../functions/pipeline/reporting.ts';
import { IDLE_LIMIT_MS } from '../../functions/stages/sweep.ts';
import type { Receiver } from '../fixtures/network/receiver.ts';
import type { BarePorts } from './adapter-set.ts';
import type { Sources } from './sources.ts';
import { createTask, OUTPUT, reportSucceeded, SEED, saveVideo } from './tasks.ts';

export interface Scenario {
  name: string;
  /** The stages that are killed between their calls. */
  stages: readonly string[];
  /** The same where each start of the product sweeps first. */
  stagesAfterSweep?: readonly string[];
  /** Creates tasks before the first process starts, and returns their ids. */
  setUp?: (ports: BarePorts, sources: Sources) => Promise<string[]>;
  ask?: Ask;
  /** Whether the caller asks every new process until one has answered. */
  asksAgain?: boolean;
  /** The allowed endings of a combination: 'succeeded', 'cancelled' or error codes. */
  endings: (task: Task, index: number) => readonly string[];
  /** The highest number of tasks that may result. */
  tasks?: number;
  /** Returns what else went wrong. */
  check?: (ports: BarePorts, sources: Sources, ids: readonly string[]) => Promise<string[]>;
}

/** Sends a request. Returns the ids of the tasks that were accepted; rejects if the process dies meanwhile. */
export type Ask = (url: string, sources: Sources, ids: readonly string[]) => Promise<string[]>;

const SUCCEEDED = ['succeeded'];
const MINUTE_MS = 60_000;

const postTask = async (
  url: string,
  { clips: [one, two], track }: Sources,
  { headers = {}, output = {} } = {},
): Promise<string[]> => {
  const request = {
    task_name: 'task',
    video_blocks: { hooks: [one, two] },
    audio_blocks: { music: [track] },
    text_to_speech: [{ text: 'Hi', voice: 'Sarah' }],
    output: { ...OUTPUT, ...output },
    seed: SEED,
  };
  return [String((await post(`${url}/process_media`, request, headers))['task_id'])];
};

/** Its clips are of one export, so they are copied. */
export const TASK: Scenario = {
  name: 'task',
  stages: ['process-media', 'prepare', 'render', 'complete'],
  ask: (url, sources) => postTask(url, sources),
  endings: () => SUCCEEDED,
};

/** The same with clips that are encoded. */
export const ENCODED: Scenario = {
  ...TASK,
  name: 'encoded task',
  stages: ['prepare'],
  ask: (url, sources) => postTask(url, sources, { output: { reencode: true } }),
};

/** A caller who repeats a request until it is answered still gets only one task. */
export const KEYED: Scenario = {
  name: 'repeated post',
  stages: ['process-media'],
  ask: (url, sources) => postTask(url, sources, { headers: { 'idempotency-key': 'once' } }),
  asksAgain: true,
  tasks: 1,
  endings: () => SUCCEEDED,
};

/** Cancelled at any point of its work. */
export const CANCEL: Scenario = {
  name: 'cancel',
  stages: ['cancel'],
  async setUp(ports, { clips }) {
    const task = await createTask(ports, 'cancel', clips);
    await publishTask(task, ports);
    return [task.id];
  },
  async ask(url, _sources, ids) {
    await post(`${url}/tasks/${ids[0]}/cancel`);
    return [...ids];
  },
  asksAgain: true,
  endings: () => ['cancelled', 'succeeded'],
};

/** Cancelled before anything began, except for a video whose process died after saving it and before reporting it. */
export const CANCELLED: Scenario = {
  name: 'cancelled',
  stages: ['prepare', 'render', 'complete'],
  stagesAfterSweep: ['prepare', 'sweep', 'complete'],
  async setUp(ports, { clips: [one, two], video }) {
    const task = await createTask(ports, 'cancelled', [one, two]);
    const begun = await ports.leases.take(renderKey(task.id, 1), MINUTE_MS);
    await saveVideo(ports, task, 1, video);
    if (begun !== undefined) await ports.leases.release(begun);
    await ports.tasks.cancel(task.id);
    await publishTask(task, ports);
    return [task.id];
  },
  endings: () => ['cancelled'],
};

/** A retry that is requested once the task has ended, until it is answered. */
export const RETRY: Scenario = {
  name: 'retry',
  stages: ['retry'],
  async setUp(ports, { clips: [one, two], video }) {
    const task = await createTask(ports, 'retry', [one, two]);
    await ports.tasks.markPublished(task.id);
    await reportSucceeded(ports, task, 1, video);
    const failure = { code: 'source_unreachable', stage: 'download', message: 'It was away.' } as const;
    await ports.reports.report(
      task.id,
      failedReport(task, task.plan.combinations[1] as Combination, failure),
    );
    return [task.id];
  },
  async ask(url, _sources, [id]) {
    for (;;) {
      const status = (await (await fetch(`${url}/tasks/${id}`)).json()) as Record<string, unknown>;
      if (status['completed_at'] !== null) break;
      await sleep(20);
    }
    return [String((await post(`${url}/tasks/${id}/retry`))['task_id'])];
  },
  asksAgain: true,
  tasks: 2,
  endings: ({ retryOf }, index) => (retryOf === null && index === 2 ? ['source_unreachable'] : SUCCEEDED),
};

/**
 * The dead letters of the first clip's prepare and of the second clip's render, which had begun, end as failures. That
 * of the third clip's render, which has only waited, does not.
 */
export const DEAD_LETTER: Scenario = {
  name: 'dead letter',
  stages: ['dead-letter'],
  async setUp(ports, { clips }) {
    const task = await createTask(ports, 'dead letter', clips);
    const taskId = task.id;
    const begun = await ports.leases.take(renderKey(taskId, 2), MINUTE_MS);
    if (begun !== undefined) await ports.leases.release(begun);
    const letter = (message: Extract<Message, { topic: 'prepare' | 'render' }>): Message => ({
      topic: 'dead-letter',
      taskId,
      message,
      reason: 'no luck',
    });
    await ports.queue.publish([
      letter({ topic: 'prepare', taskId, source: 0 }),
      letter({ topic: 'render', taskId, index: 2 }),
      letter({ topic: 'render', taskId, index: 3 }),
      { topic: 'prepare', taskId, source: 1 },
      { topic: 'prepare', taskId, source: 2 },
      { topic: 'render', taskId, index: 1 },
    ]);
    await ports.tasks.markPublished(taskId);
    return [taskId];
  },
  endings: (_task, index) => (index === 3 ? SUCCEEDED : ['undeliverable']),
};

/** Three kinds of tasks that a dead process left unfinished. */
export const SWEEP: Scenario = {
  name: 'sweep',
  stages: ['sweep'],
  async setUp(ports, { clips: [one, two], video }) {
    const old = { ageMs: 2 * MINUTE_MS };
    const unpublished = await createTask(ports, 'never published', [one, two], old);
    const overdue = await createTask(ports, 'overdue', [one, two], old);
    const incomplete = await createTask(ports, 'never completed', [one, two], old);
    for (const task of [overdue, incomplete]) {
      await ports.tasks.markPublished(task.id);
      await reportSucceeded(ports, task, 1, video);
    }
    await reportSucceeded(ports, incomplete, 2, video);
    const idle: IdleRecord = { reports: 1, pins: 0, idleMs: IDLE_LIMIT_MS, at: Date.now() };
    await ports.memo.remember(idleKey(overdue.id), JSON.stringify(idle));
    return [unpublished.id, overdue.id, incomplete.id];
  },
  endings: ({ name }, index) => (name === 'overdue' && index === 2 ? ['overdue'] : SUCCEEDED),
};

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

/** A combination or a source that kills every process. The rest of the task must still succeed. */
export function crashLoop(name: string, index: number): Scenario {
  return {
    ...TASK,
    name,
    stages: [],
    endings: (_task, own) => (own === index ? ['crash_loop'] : SUCCEEDED),
  };
}

export async function post(
  url: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Record<string, unknown>> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer = (await response.json()) as Record<string, unknown>;
  if (response.status >= 300) throw new Error(`${url} answered ${JSON.stringify(answer)}`);
  return answer;
}
