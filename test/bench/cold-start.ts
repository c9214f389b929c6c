/** Measures each function from process start to first answer, in the compiled package as it is deployed. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connectFirestore } from '../../functions/adapters/firestore/firestore.ts';
import { createFirestorePins } from '../../functions/adapters/firestore/pins.ts';
import { createFirestoreTasks } from '../../functions/adapters/firestore/tasks.ts';
import type { FunctionName } from '../../functions/hosts/cloud.ts';
import type { Message } from '../../functions/model/messages.ts';
import type { PinName } from '../../functions/model/pins.ts';
import type { Task } from '../../functions/model/task.ts';
import { SIGNING_KEY, startFunction } from '../../infra/emulators/emulated-cloud.ts';
import { freePort, listening } from '../../infra/emulators/google-emulators.ts';
import { installPackage } from '../fixtures/gcloud/package.ts';
import { startTestCloud } from '../fixtures/hosts/emulated-cloud.ts';
import { makeClip, makeTrack } from '../fixtures/media/finished.ts';
import { startSourceServer } from '../fixtures/network/source-server.ts';
import { sealWith } from '../fixtures/system/seal.ts';
import { canMeasureMemory, highestResident } from './memory.ts';

export interface ColdStart {
  name: FunctionName;
  /** What the first request asks for. */
  does: string;
  /** Seconds from the start of the process to: */
  toListening: number;
  toAnswer: number;
  /** Highest resident size of the process in MB; undefined without /proc. */
  memory: number | undefined;
}

interface Question {
  name: FunctionName;
  does: string;
  body: unknown;
}

/** Uses the emulators that the environment names. @param dir an empty folder */
export async function timeColdStarts(dir: string): Promise<ColdStart[]> {
  const compiled = join(dir, 'package');
  await installPackage(compiled);
  const clip = await readFile(
    await makeClip(join(dir, 'clip.mp4'), { colour: 'green', frames: 210, size: '1080x1920' }),
  );
  const song = await readFile(await makeTrack(join(dir, 'song.mp3'), 10));
  await using server = await startSourceServer({
    '/a.mp4': { body: clip, etag: '"a"' },
    '/song.mp3': { body: song, etag: '"song"' },
  });
  const request = {
    task_name: 'cold',
    video_blocks: [{ name: 'only', urls: [server.url('/a.mp4')] }],
    audio_blocks: { music: [server.url('/song.mp3')] },
    text_to_speech: [{ text: 'Hello world', voice: 'Sarah' }],
  };
  const { projectId, taskId } = await warmUp(dir, compiled, request);
  const { PUBSUB_EMULATOR_HOST = '', FIRESTORE_EMULATOR_HOST = '', PATH } = process.env;
  const options = {
    hosts: { PUBSUB_EMULATOR_HOST, FIRESTORE_EMULATOR_HOST },
    projectId,
    compiled,
    env: { PATH, DATA_DIR: join(dir, 'data'), OUTPUT_DIR: join(dir, 'output') },
    onLine: () => {},
  };
  const cold: ColdStart[] = [];
  for (const question of await questions(projectId, taskId, request)) {
    cold.push(await timeOne(question, options));
  }
  return cold;
}

/** Runs a task to its end, so that its artifacts are prepared. */
async function warmUp(dir: string, compiled: string, request: unknown) {
  await using fleet = await startTestCloud(dir, { compiled });
  const { task_id } = await fleet.post(request);
  const taskId = String(task_id);
  const status = await fleet.ended(taskId);
  if (status['succeeded'] !== 1) throw new Error(`Expected a video, got ${JSON.stringify(status)}`);
  return { projectId: fleet.projectId, taskId };
}

/** The first request to each function, for two copies of the task: one whose sources are settled and one without. */
async function questions(projectId: string, taskId: string, request: unknown): Promise<Question[]> {
  await using firestore = connectFirestore({ projectId });
  const tasks = createFirestoreTasks({ firestore, seal: sealWith(SIGNING_KEY) });
  const pins = createFirestorePins({ firestore });
  const first = (await tasks.get(taskId)) as Task;
  const copy = async (): Promise<Task> => {
    const task = { ...first, id: crypto.randomUUID() };
    await tasks.create({ ...task, fileId: task.id });
    await tasks.markPublished(task.id);
    return task;
  };
  const settled = await copy();
  const names: PinName[] = ['profile', ...first.plan.sources.map((_, at) => `prepared-${at}` as const)];
  for (const [at, pin] of (await pins.read(first.id, names)).entries()) {
    await pins.write(settled.id, names[at] as PinName, pin as never);
  }
  const open = await copy();
  const push = (message: Message) => ({
    message: { data: Buffer.from(JSON.stringify(message)).toString('base64'), messageId: '1' },
  });
  return [
    { name: 'processMedia', does: 'accepts a task', body: request },
    {
      name: 'prepare',
      does: 'a clip that is known',
      body: push({ topic: 'prepare', taskId: open.id, source: 0 }),
    },
    {
      name: 'render',
      does: 'first report, artifacts warm',
      body: push({ topic: 'render', taskId: settled.id, index: 1 }),
    },
    {
      name: 'complete',
      does: 'manifest of one video',
      body: push({ topic: 'complete', taskId: settled.id }),
    },
    {
      name: 'deadLetter',
      does: 'one letter',
      body: push({
        topic: 'dead-letter',
        taskId: open.id,
        message: { topic: 'prepare', taskId: open.id, source: 1 },
        reason: 'no luck',
      }),
    },
    { name: 'sweep', does: 'three open tasks', body: {} },
  ];
}

async function timeOne(
  { name, does, body }: Question,
  options: Parameters<typeof startFunction>[2],
): Promise<ColdStart> {
  const port = await freePort();
  const began = performance.now();
  const child = startFunction(name, port, options);
  const ended = once(child, 'exit');
  try {
    await listening(port, () =>
      child.exitCode === null ? undefined : `Expected ${name} to start, got its end`,
    );
    const toListening = (performance.now() - began) / 1000;
    const answer = await fetch(`http://127.0.0.1:${port}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!answer.ok)
      throw new Error(`Expected ${name} to answer, got ${answer.status}: ${await answer.text()}`);
    const toAnswer = (performance.now() - began) / 1000;
    const memory = canMeasureMemory ? highestResident(child.pid as number) : undefined;
    return { name, does, toListening, toAnswer, memory };
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}
