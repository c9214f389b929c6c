/** Creates tasks in the states that scenarios begin with, on ports without instrumentation. */
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makePlan } from '../../functions/model/make-plan.ts';
import { fileName } from '../../functions/model/names.ts';
import type { Report } from '../../functions/model/report.ts';
import type { Callback, Task } from '../../functions/model/task.ts';
import { PLAIN_OUTPUT, PLAIN_SOUND } from '../fixtures/media/plain-choices.ts';
import { addressOf } from '../fixtures/network/source-address.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';
import type { BarePorts } from './adapter-set.ts';

/** Small, so that encoding takes little time. */
export const OUTPUT = { width: 160, height: 90, fps: 30, fit: 'contain' } as const;
export const SEED = 7;

export async function createTask(
  ports: BarePorts,
  name: string,
  urls: readonly string[],
  { ageMs = 0, callback = null }: { ageMs?: number; callback?: Callback | null } = {},
): Promise<Task> {
  const id = crypto.randomUUID();
  const task: Task = {
    id,
    name,
    createdAt: new Date(Date.now() - ageMs).toISOString(),
    plan: makePlan({
      blocks: [{ name: 'block', clips: urls.map((url) => addressOf(url)) }],
      tracks: [],
      lines: [],
      output: { ...PLAIN_OUTPUT, ...OUTPUT },
      sound: PLAIN_SOUND,
      seed: SEED,
    }),
    folder: await ports.outputs.createFolder(name),
    metadata: null,
    warnings: [],
    retryOf: null,
    fileId: id,
    callback,
  };
  if (!(await ports.tasks.create(task)))
    throw new Error(`Expected "${name}" to be stored, got a clash of ids`);
  return task;
}

export async function reportSucceeded(
  ports: BarePorts,
  task: Task,
  index: number,
  video: string,
): Promise<void> {
  const { fileName: name, url, bytes } = await saveVideo(ports, task, index, video);
  const report: Report = {
    index,
    status: 'succeeded',
    fileName: name,
    url,
    bytes,
    durationSeconds: 0.5,
    loudnessLufs: null,
    truePeakDbtp: null,
    renderSeconds: 0.1,
    stageSeconds: {},
    attempts: 1,
    warnings: [],
    error: null,
  };
  await ports.reports.report(task.id, report);
}

/** Saves the video under its final name, without a report. */
export async function saveVideo(ports: BarePorts, task: Task, index: number, video: string) {
  const combination = task.plan.combinations[index - 1];
  if (combination === undefined)
    throw new Error(`Expected a combination ${index} of "${task.name}", got none`);
  await using dir = await tempDir();
  const file = join(dir.path, 'video.mp4');
  await copyFile(video, file);
  const name = fileName(task, combination);
  const owner = { taskId: task.id, isCurrent: async () => true };
  const saved = await ports.outputs.save(task.folder, name, file, new AbortController().signal, owner);
  return { fileName: name, ...saved };
}
