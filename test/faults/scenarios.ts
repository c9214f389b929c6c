/** A task from its post on, what callers ask about it, and what dead processes leave of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { IdleRecord } from '../../functions/coordination/idle-time.ts';
import { idleKey, renderKey } from '../../functions/coordination/lease-keys.ts';
import type { Message } from '../../functions/model/messages.ts';
import type { Combination } from '../../functions/model/plan.ts';
import { publishTask } from '../../functions/pipeline/publish.ts';
import { failedReport } from '../../functions/pipeline/reporting.ts';
import { IDLE_LIMIT_MS } from '../../functions/stages/sweep.ts';
import { type Scenario, SUCCEEDED } from './scenario.ts';
import type { Sources } from './sources.ts';
import { createTask, OUTPUT, reportSucceeded, SEED, saveVideo } from './tasks.ts';

const MINUTE_MS = 60_000;

const postTask = async (
  url: string,
  { clips: [one, two], track }: Sources,
  { headers = {}, output = {}, more = {} } = {},
): Promise<string[]> => {
  const request = {
    task_name: 'task',
    video_blocks: { hooks: [one, two] },
    audio_blocks: { music: [track] },
    text_to_speech: [{ text: 'Hi', voice: 'Sarah' }],
    output: { ...OUTPUT, ...output },
    seed: SEED,
    ...more,
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

/** The same in two formats, which are made together. */
export const FORMATS: Scenario = {
  ...ENCODED,
  name: 'two formats',
  ask: (url, sources) =>
    postTask(url, sources, {
      output: {
        ...{ width: undefined, height: undefined, reencode: true },
        formats: [
          { name: 'wide', width: 160, height: 90 },
          { name: 'square', width: 96, height: 96 },
        ],
      },
    }),
};

/** With captions in the picture and a cover, which are pieces with messages of their own, and files beside the videos. */
export const PIECES: Scenario = {
  ...TASK,
  name: 'captions and covers',
  stages: ['prepare', 'render'],
  ask: (url, sources) =>
    postTask(url, sources, { more: { captions: { mode: 'burn', files: ['srt'] }, cover: {} } }),
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

/** A combination or a source that kills every process. The rest of the task must still succeed. */
export function crashLoop(name: string, index: number): Scenario {
  return {
    ...TASK,
    name,
    stages: [],
    endings: (_task, own) => (own === index ? ['crash_loop'] : SUCCEEDED),
  };
}

async function post(
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
