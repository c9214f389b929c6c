/** What is there before the first process starts, what is asked of it, and how each combination may end. */
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { renderKey } from '../../functions/lease-keys.ts';
import type { Message, Report, Task } from '../../functions/ports.ts';
import { TASK_LIFETIME_MS } from '../../functions/sweep.ts';
import { fileName } from '../../functions/task/names.ts';
import { makePlan } from '../../functions/task/plan.ts';
import { tempDir } from '../fixtures/temp-dir.ts';
import type { BarePorts } from './adapter-set.ts';
import type { Sources } from './sources.ts';

export interface Scenario {
  name: string;
  /** The stages that are stopped between their calls. */
  stages: readonly string[];
  /** On bare ports; answers with the ids of the tasks. */
  setUp?: (ports: BarePorts, sources: Sources) => Promise<string[]>;
  ask?: Ask;
  /** A caller who asks every new process until one has answered. */
  asksAgain?: boolean;
  /** 'succeeded', 'cancelled' or the code of the error: any of them will do. */
  endings: (task: Task, index: number) => readonly string[];
  /** Where a combination failed after its file was saved, which no port can take back. */
  mayStay?: (report: Report) => boolean;
}

/** Asks the first process; answers with the ids of the tasks that it accepted. Rejects when it dies over it. */
export type Ask = (url: string, sources: Sources) => Promise<string[]>;

const OUTPUT = { width: 160, height: 90, fps: 30, fit: 'contain' } as const;
const SEED = 7;
const SUCCEEDED = ['succeeded'];
const MINUTE_MS = 60_000;

export const TASK: Scenario = {
  name: 'task',
  stages: ['process-media', 'prepare', 'render', 'complete'],
  ask: async (url, { clips: [one, two], track }) => [
    String(
      (
        await post(`${url}/process_media`, {
          task_name: 'task',
          video_blocks: { hooks: [one, two] },
          audio_blocks: { music: [track] },
          text_to_speech: [{ text: 'Hi', voice: 'Sarah' }],
          output: OUTPUT,
          seed: SEED,
        })
      )['task_id'],
    ),
  ],
  endings: () => SUCCEEDED,
};

/** The prepare of the first clip and the begun render of the second end as failures, a render that only waited does not. */
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

/** What a process that died left undone, in three ways. */
export const SWEEP: Scenario = {
  name: 'sweep',
  stages: ['sweep'],
  async setUp(ports, { clips: [one, two], video }) {
    const unpublished = await createTask(ports, 'never published', [one, two], 2 * MINUTE_MS);
    const overdue = await createTask(ports, 'overdue', [one, two], TASK_LIFETIME_MS + MINUTE_MS);
    const incomplete = await createTask(ports, 'never completed', [one, two], 2 * MINUTE_MS);
    for (const task of [overdue, incomplete]) {
      await ports.tasks.markPublished(task.id);
      await reportSucceeded(ports, task, 1, video);
    }
    await reportSucceeded(ports, incomplete, 2, video);
    return [unpublished.id, overdue.id, incomplete.id];
  },
  endings: ({ name }, index) => (name === 'overdue' && index === 2 ? ['overdue'] : SUCCEEDED),
};

/** A combination, or a source, over which every process dies: the rest of the task must not suffer for it. */
export function crashLoop(name: string, index: number): Scenario {
  return {
    ...TASK,
    name,
    stages: [],
    endings: (_task, own) => (own === index ? ['crash_loop'] : SUCCEEDED),
    mayStay: ({ error }) => error?.code === 'crash_loop',
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

async function createTask(ports: BarePorts, name: string, urls: readonly string[], ageMs = 0): Promise<Task> {
  const task: Task = {
    id: crypto.randomUUID(),
    name,
    createdAt: new Date(Date.now() - ageMs).toISOString(),
    plan: makePlan({
      blocks: [{ urls }],
      tracks: [],
      lines: [],
      output: OUTPUT,
      sound: { originalVolume: 0, duck: true },
      seed: SEED,
    }),
    folder: await ports.outputs.createFolder(name),
    metadata: null,
    warnings: [],
    retryOf: null,
  };
  if (!(await ports.tasks.create(task)))
    throw new Error(`Expected "${name}" to be stored, got a clash of ids`);
  return task;
}

async function reportSucceeded(ports: BarePorts, task: Task, index: number, video: string): Promise<void> {
  const combination = task.plan.combinations[index - 1];
  if (combination === undefined)
    throw new Error(`Expected a combination ${index} of "${task.name}", got none`);
  await using dir = await tempDir();
  const file = join(dir.path, 'video.mp4');
  await copyFile(video, file);
  const name = fileName(task.id, task.plan, combination);
  const { url, bytes } = await ports.outputs.save(task.folder, name, file, new AbortController().signal);
  const report: Report = {
    index,
    status: 'succeeded',
    fileName: name,
    url,
    bytes,
    durationSeconds: 0.5,
    renderSeconds: 0.1,
    stageSeconds: {},
    attempts: 1,
    warnings: [],
    error: null,
  };
  await ports.reports.report(task.id, report);
}
