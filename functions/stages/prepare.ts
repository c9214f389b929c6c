import type { Log } from '../base/log.ts';
import { unlessCancelled } from '../coordination/cancellation.ts';
import { isolateAfterCrash } from '../coordination/crash-isolation.ts';
import { prepareKey } from '../coordination/lease-keys.ts';
import { byOneMessage } from '../coordination/once.ts';
import { failureOf } from '../coordination/retry-policy.ts';
import type { MessageOf } from '../model/messages.ts';
import type { Failed, Prepared } from '../model/pins.ts';
import { type Source, titleOf, usersOf } from '../model/plan.ts';
import type { Task } from '../model/task.ts';
import { checkedPin, formatsOf } from '../pipeline/check-prepared.ts';
import type { Joins } from '../pipeline/decide-join.ts';
import { ImageFailed } from '../pipeline/overlay-images.ts';
import { type Sources, STAGE_OF } from '../pipeline/prepare-source.ts';
import { publishReadyRenders } from '../pipeline/ready-renders.ts';
import { refuseEndlessRemakes } from '../pipeline/remake.ts';
import type { SpeakingSignals } from '../pipeline/speak-line.ts';
import type { Delivery } from '../ports/queue.ts';
import type { TaskStore } from '../ports/tasks.ts';
import { type PreparePieceDeps, preparePiece } from './prepare-piece.ts';

export interface PrepareDeps extends PreparePieceDeps {
  tasks: TaskStore;
  sources: Sources;
  joins: Pick<Joins, 'resume' | 'withoutIt'>;
}

/**
 * Makes one source of a task ready and pins it, or pins its error, and publishes the renders that can go now. Repeating it
 * makes nothing, unless the artifact is gone, but publishes these again: the last process may have died before it did.
 * A clip that comes before it is decided whether the clips of its task are copied is only looked at: whoever decides
 * publishes its message again (pipeline/decide-join.ts).
 */
export async function prepare(
  { taskId, source: number, piece }: MessageOf<'prepare'>,
  { signal, messageId }: Delivery,
  deps: PrepareDeps,
): Promise<void> {
  const task = await deps.tasks.get(taskId);
  const source = task?.plan.sources[number];
  if (task === undefined || source === undefined) return;
  // A cancelled task needs no sources, and its renders report by themselves.
  await unlessCancelled(taskId, signal, deps.tasks, async (cancelled) => {
    const signals = { signal: AbortSignal.any([signal, cancelled]), stop: signal, messageId };
    if (piece !== undefined) return preparePiece(task, piece, signals, deps);
    if (source.kind === 'clip') await deps.joins.resume(task, number);
    let made = await makeReady(task, number, source, signals, deps);
    // The decision may have come, and this message with it again, while this handler still had the lease of the clip.
    if (made === 'undecided' && (await deps.pins.read(taskId, ['join']))[0] !== undefined) {
      made = await makeReady(task, number, source, signals, deps);
    }
    // Otherwise the handler of another message is at it, and publishes them, or whoever decides publishes this one again.
    if (made === undefined || made === 'undecided') return;
    if (source.kind === 'clip' && made.error !== undefined) await deps.joins.withoutIt(task, number);
    await publishReadyRenders(task, number, deps);
  });
}

async function makeReady(
  task: Task,
  number: number,
  source: Source,
  { signal, stop, messageId }: SpeakingSignals & Pick<Delivery, 'messageId'>,
  deps: PrepareDeps,
): Promise<Prepared | Failed | 'undecided' | undefined> {
  const { pins, leases, attempts, sources, artifacts, log } = deps;
  const [name, nameAgain] = [`prepared-${number}`, `remade-${number}`] as const;
  const { id: taskId } = task;
  return byOneMessage<Prepared | Failed | 'undecided'>({
    leases,
    attempts,
    key: prepareKey(taskId, number),
    messageId,
    signal,
    room: (lease) => isolateAfterCrash(prepareKey(taskId, number), lease, deps),
    find: settled,
    async create(before, held) {
      const started = performance.now();
      const [first] = await pins.read(taskId, [name]);
      let ofImage = false;
      const pin = await outcome(first !== undefined);
      if (pin === undefined) return 'undecided';
      const isSame = first !== undefined && keysOf(first).join() === keysOf(pin).join();
      const stored = isSame ? first : await pins.write(taskId, first === undefined ? name : nameAgain, pin);
      logPrepared(log, task, number, stored, { seconds: (performance.now() - started) / 1000, ofImage });
      return stored;

      async function outcome(isRemade: boolean): Promise<Prepared | Failed | undefined> {
        try {
          if (isRemade) await refuseEndlessRemakes(task, number, attempts);
          return await sources.ready(task, number, { signal: held, stop });
        } catch (error) {
          ofImage = error instanceof ImageFailed;
          return { error: failureOf(error, before, STAGE_OF[source.kind], held) };
        }
      }
    },
  });

  /** What renders can use now, or a failure; undefined if it is to be made. */
  async function settled(): Promise<Prepared | Failed | undefined> {
    const [pinned] = await pins.read(taskId, [name]);
    const first = pinned && checkedPin(pinned, source, formatsOf(task.plan));
    if (first === undefined || first.error !== undefined || (await isThere(first))) return first;
    const [again] = await pins.read(taskId, [nameAgain]);
    return again === undefined || again.error !== undefined || (await isThere(again)) ? again : undefined;
  }

  /** In all formats. */
  async function isThere(pin: Prepared): Promise<boolean> {
    for (const key of keysOf(pin)) {
      using artifact = await artifacts.look(key, signal);
      if (artifact === undefined) return false;
    }
    return true;
  }
}

function keysOf(pin: Prepared | Failed): string[] {
  if (pin.error !== undefined) return [];
  const { artifact, formats = [] } = pin;
  return [...new Set([artifact, ...formats.map((format) => format.artifact)])];
}

function logPrepared(
  log: Log,
  task: Task,
  number: number,
  pin: Prepared | Failed,
  { seconds, ofImage }: { seconds: number; ofImage: boolean },
): void {
  const source = task.plan.sources[number] as Source;
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
  const lost = usersOf(task.plan, number).length;
  const share = `${lost} of ${task.plan.combinations.length} combinations fail`;
  const message = `The ${titleOf(source)} cannot be used, so ${share}: ${pin.error.message}`;
  const failed = { ...fields, combinations_lost: lost, failure: pin.error };
  // The picture over a clip has a line of its own.
  if (ofImage) log.debug(message, { event: 'source.failed', ...failed });
  else log.warn(message, { event: 'source.failed', ...failed });
}
