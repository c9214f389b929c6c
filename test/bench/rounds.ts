/** The single measurements, each against a host in its own process. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HostProcess, LogLine } from './host-process.ts';
import { canMeasureMemory, highestResident, type MemoryPeak, watchMemory } from './memory.ts';
import { processorSeconds } from './process-tree.ts';
import { type BenchRequest, largeRequest } from './request.ts';

/** After a task the host still cleans up. The next measurement must not overlap with that. */
const SETTLING_MS = 500;

export interface Round {
  taskId: string;
  videos: number;
  /** From the request to: */
  toLastPrepared: number;
  toLastReport: number;
  toCompleted: number;
  /** Processor seconds of the host and all that it started; NaN without /proc. */
  processor: number;
  /** How many processors were busy on average until the last source was prepared. */
  busyPreparing: number;
}

/** Posts the request, waits for the task to end and deletes its videos, a gigabyte each time. Times in seconds. */
export async function timeTask(host: HostProcess, request: BenchRequest): Promise<Round> {
  const before = processorSeconds(host.pid);
  let prepared = before;
  const stop = host.onLine(({ event }) => {
    if (event === 'source.prepared') prepared = processorSeconds(host.pid);
  });
  const { taskId, at } = await host.post(request);
  const lines = await host.ended(taskId);
  stop();
  await sleep(SETTLING_MS);
  const processor = processorSeconds(host.pid) - before;
  await rm(join(host.outputDir, request.task_name), { recursive: true });
  const videos = request.video_blocks.reduce((product, { urls }) => product * urls.length, 1);
  const finished = lines.filter(({ event }) => event === 'render.finished');
  if (finished.length !== videos) {
    const warnings = lines.filter(({ severity }) => severity !== 'INFO').map(({ message }) => message);
    throw new Error(`Expected ${videos} videos, got ${finished.length}:\n${warnings.join('\n')}`);
  }
  const secondsTo = (event: string) => (lastOf(lines, event) - at) / 1000;
  const toLastPrepared = secondsTo('source.prepared');
  return {
    taskId,
    videos,
    toLastPrepared,
    toLastReport: secondsTo('render.finished'),
    toCompleted: secondsTo('task.completed'),
    processor,
    busyPreparing: (prepared - before) / toLastPrepared,
  };
}

function lastOf(lines: readonly LogLine[], event: string): number {
  return Math.max(...lines.filter((line) => line.event === event).map(({ at }) => at));
}

export interface Memory extends MemoryPeak {
  /** Highest memory of Node alone since its start in MB, as recorded by the kernel. */
  highest: number;
}

/** `memory` is undefined without /proc. */
export async function watchingMemory<T>(
  host: HostProcess,
  work: () => Promise<T>,
): Promise<{ result: T; memory: Memory | undefined }> {
  if (!canMeasureMemory) return { result: await work(), memory: undefined };
  const watch = watchMemory(host.pid);
  try {
    const result = await work();
    return { result, memory: { ...watch.peak(), highest: highestResident(host.pid) } };
  } finally {
    watch.peak();
  }
}

/** Milliseconds until a request for 1,000 videos is answered; each task is cancelled before the next is posted. */
export async function timeAnswers(
  host: HostProcess,
  request: BenchRequest,
  times: number,
): Promise<number[]> {
  const answers: number[] = [];
  for (let time = 0; time < times; time++) {
    const { taskId, answeredInMs } = await host.post(largeRequest(request));
    answers.push(answeredInMs);
    await host.cancel(taskId);
    await host.ended(taskId);
    await sleep(SETTLING_MS);
  }
  return answers;
}
