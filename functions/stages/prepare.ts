import type { Log } from '../base/log.ts';
import { unlessCancelled } from '../coordination/cancellation.ts';
import { type CrashIsolationDeps, isolateAfterCrash } from '../coordination/crash-isolation.ts';
import { once } from '../coordination/lease.ts';
import { prepareKey } from '../coordination/lease-keys.ts';
import { failureOf } from '../coordination/retry-policy.ts';
import type { MessageOf } from '../model/messages.ts';
import type { Failed, Prepared } from '../model/pins.ts';
import { type Source, sourcesOf, titleOf } from '../model/plan.ts';
import type { Task } from '../model/task.ts';
import type { Artifacts } from '../pipeline/artifacts.ts';
import { checkedPin } from '../pipeline/check-prepared.ts';
import { type Sources, STAGE_OF } from '../pipeline/prepare-source.ts';
import { refuseEndlessRemakes } from '../pipeline/remake.ts';
import type { SpeakingSignals } from '../pipeline/speak-line.ts';
import type { Delivery, PinStore, TaskStore } from '../ports.ts';

export interface PrepareDeps extends CrashIsolationDeps {
  tasks: TaskStore;
  pins: PinStore;
  sources: Sources;
  artifacts: Artifacts;
  log: Log;
  /** How long a duplicate waits for the first one before it is handed back. */
  patienceMs: number;
}

/**
 * Makes one source of a task ready and pins it, or pins its error. Repeating it changes nothing, unless the artifact is
 * gone: then it is made again.
 */
export async function prepare(
  { taskId, source: number }: MessageOf<'prepare'>,
  { signal }: Delivery,
  deps: PrepareDeps,
): Promise<void> {
  const task = await deps.tasks.get(taskId);
  const source = task?.plan.sources[number];
  if (task === undefined || source === undefined) return;
  // A cancelled task needs no sources, and its renders report by themselves.
  await unlessCancelled(taskId, signal, deps.tasks, (cancelled) =>
    makeReady(task, number, source, { signal: AbortSignal.any([signal, cancelled]), stop: signal }, deps),
  );
}

async function makeReady(
  task: Task,
  number: number,
  source: Source,
  { signal, stop }: SpeakingSignals,
  deps: PrepareDeps,
): Promise<void> {
  const { pins, leases, attempts, sources, artifacts, log, patienceMs } = deps;
  const [name, nameAgain] = [`prepared-${number}`, `remade-${number}`] as const;
  const { id: taskId } = task;
  await once<Prepared | Failed>({
    leases,
    attempts,
    key: prepareKey(taskId, number),
    signal,
    semaphore: isolateAfterCrash(prepareKey(taskId, number), deps),
    patienceMs,
    find: settled,
    async create(before, held) {
      const started = performance.now();
      const [first] = await pins.read(taskId, [name]);
      const pin = await outcome(first !== undefined);
      const isSame = first !== undefined && keyOf(first) === keyOf(pin);
      const stored = isSame ? first : await pins.write(taskId, first === undefined ? name : nameAgain, pin);
      logPrepared(log, task, number, source, stored, (performance.now() - started) / 1000);
      return stored;

      async function outcome(isRemade: boolean): Promise<Prepared | Failed> {
        try {
          if (isRemade) await refuseEndlessRemakes(task, number, attempts);
          return await sources.ready(task, number, { signal: held, stop });
        } catch (error) {
          return { error: failureOf(error, before, STAGE_OF[source.kind], held) };
        }
      }
    },
  });

  /** What renders can use now, or a failure; undefined if it is to be made. */
  async function settled(): Promise<Prepared | Failed | undefined> {
    const [pinned] = await pins.read(taskId, [name]);
    const first = pinned && checkedPin(pinned, source);
    if (first === undefined || first.error !== undefined || (await isThere(first))) return first;
    const [again] = await pins.read(taskId, [nameAgain]);
    return again === undefined || again.error !== undefined || (await isThere(again)) ? again : undefined;
  }

  async function isThere({ artifact: key }: Prepared): Promise<boolean> {
    using artifact = await artifacts.open(key, signal);
    return artifact !== undefined;
  }
}

function keyOf(pin: Prepared | Failed): string | undefined {
  return pin.error === undefined ? pin.artifact : undefined;
}

function logPrepared(
  log: Log,
  task: Task,
  number: number,
  source: Source,
  pin: Prepared | Failed,
  seconds: number,
): void {
  const fields = {
    task_id: task.id,
    task_name: task.name,
    source: number,
    source_name: titleOf(source),
    kind: source.kind,
    seconds,
  };
  if (pin.error === undefined) {
    log.info(`Prepared the ${titleOf(source)} in ${seconds.toFixed(1)} s`, {
      event: 'source.prepared',
      ...fields,
      artifact: pin.artifact,
    });
    return;
  }
  const { combinations } = task.plan;
  const lost = combinations.filter((combination) => sourcesOf(combination).includes(number)).length;
  const share = `${lost} of ${combinations.length} combinations fail`;
  log.warn(`The ${titleOf(source)} cannot be used, so ${share}: ${pin.error.message}`, {
    event: 'source.failed',
    ...fields,
    combinations_lost: lost,
    failure: pin.error,
  });
}
