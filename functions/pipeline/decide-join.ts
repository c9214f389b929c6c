/**
 * Decides once per task whether its clips are copied or encoded: all or none, because copied frames are shown with the
 * header of the first clip. No message waits for the clips of others: those that end meanwhile are published again by
 * whoever decides. A clip that is late notices that itself, since its message is being handled anyway.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { TransientError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { CopyCheck, Join } from '../model/pins.ts';
import { type Source, titleOf } from '../model/plan.ts';
import type { Task } from '../model/task.ts';
import type { PinStore } from '../ports/pins.ts';
import type { Queue } from '../ports/queue.ts';
import { clipsOf, type Decision, decidedBefore, latestLook, outlookOf } from './join-outlook.ts';
import { joinView } from './join-view.ts';

export interface JoinsDeps {
  pins: PinStore;
  queue: Queue;
  log: Log;
  /** How long clips that were looked at wait for the others at least, milliseconds. */
  patienceMs?: number;
  /** How long after the last look a message that comes again shows that another clip's is lost, milliseconds. */
  lostMs?: number;
  now?: () => number;
}

/**
 * Whoever writes the decision publishes the clips that wait for it, before its message is acknowledged. Everything here
 * may be repeated, and throws TransientError.
 */
export interface Joins {
  /**
   * To be called first with each delivery of a clip: if it was this clip that decided, its process may have died before it
   * had published the others.
   */
  resume(task: Task, number: number): Promise<void>;
  /**
   * Works on a clip of which nothing is known yet. If that takes too long for the others, or does not succeed for now, they
   * are encoded without it.
   */
  watched<T>(task: Task, number: number, work: () => Promise<T>, signal: AbortSignal): Promise<T>;
  /**
   * What becomes of a clip whose message is being handled; the caller holds its lease. Undefined if others are still
   * missing: then end. Once it is decided, this message is published again.
   * @param check whether that clip can be copied; called at most once, and only while nothing is decided
   */
  joinOf(task: Task, number: number, check: () => Promise<CopyCheck>): Promise<Join | undefined>;
  /** To be called with each delivery of a clip that has failed, after its failure is pinned: the others may need no more. */
  withoutIt(task: Task, number: number): Promise<void>;
}

/** Clips that are sent together arrive within seconds of each other; in the cloud, instances start within ten. */
const PATIENCE_MS = 15_000;
/** On a slow line, clips come one by one: the next may take as long again as the task did so far, up to this multiple. */
const MOST_PATIENCE = 4;
/**
 * A message may come again while others only wait for their turn. The sweep runs every five minutes and repeats all messages of
 * a task that has stood still for ten: this is longer, so that a lost one has come again before it counts.
 */
export const LOST_MS = 1_200_000;
/** After a store or the queue failed. */
const AGAIN_MS = 1_000;

export function createJoins(deps: JoinsDeps): Joins {
  const { pins, log, patienceMs = PATIENCE_MS, lostMs = LOST_MS, now = Date.now } = deps;

  return {
    resume,

    async watched(task, number, work, signal) {
      if (decidedBefore(task) !== undefined || clipsOf(task).length === 1) return work();
      const done = new AbortController();
      const watching = noticeLate(task, number, AbortSignal.any([signal, done.signal]));
      // Awaited below, perhaps much later.
      watching.catch(() => {});
      try {
        return await work();
      } catch (error) {
        // Its message is handed back, to a queue that may let it rest: that time belongs to this clip alone.
        if (TransientError.is(error) && !signal.aborted)
          await encodeIfLate(task, number, 0, error.retryAfterMs);
        throw error;
      } finally {
        done.abort();
        if ((await watching) === 'unfinished' && !signal.aborted) await resume(task, number);
      }
    },

    async joinOf(task, number, check) {
      const [join] = await pins.read(task.id, ['join']);
      if (join !== undefined) return join;
      const decided = decidedBefore(task);
      if (decided !== undefined) return settle(task, number, decided);
      const name = `copy-${number}` as const;
      const [known] = await pins.read(task.id, [name]);
      if (known === undefined) await pins.write(task.id, name, looked(await check()));
      // In this order: first its own pin, then the decision, then the rest. Whoever decides writes first and then reads.
      return (await joinIn(task)) ?? decide(task, number);
    },

    async withoutIt(task, number) {
      if (decidedBefore(task) !== undefined || (await joinIn(task)) !== undefined) return;
      const { decided } = await outlookOf(task, pins);
      if (decided !== undefined) await settle(task, number, decided);
    },
  };

  async function resume(task: Task, number: number): Promise<void> {
    if ((await joinIn(task))?.by === number) await publishUndecided(task, number, deps);
  }

  async function joinIn({ id }: Task): Promise<Join | undefined> {
    return (await pins.read(id, ['join']))[0];
  }

  function looked(check: CopyCheck) {
    return check.refused === undefined ? { ...check, at: now() } : check;
  }

  /** Decides if all that matters is known, or if the rest is lost: then this message comes long after the last look. */
  async function decide(task: Task, by: number): Promise<Join | undefined> {
    const { decided, missing, latest } = await outlookOf(task, pins);
    if (decided !== undefined) return settle(task, by, decided);
    const isLost = missing !== undefined && latest !== undefined && now() - latest >= lostMs;
    return isLost ? settle(task, by, tooLate(task, missing)) : undefined;
  }

  /**
   * Looks at the others only when they may have waited long enough. A clip that could not begin earlier, because all
   * instances were busy, is not late: meanwhile, nothing stood still. 'unfinished': the last look failed.
   */
  async function noticeLate(
    task: Task,
    number: number,
    signal: AbortSignal,
  ): Promise<'unfinished' | undefined> {
    const began = now();
    let last: 'unfinished' | undefined;
    for (let leftMs: number | undefined = patienceMs; leftMs !== undefined; ) {
      try {
        await sleep(leftMs, undefined, { signal });
      } catch {
        return last;
      }
      try {
        leftMs = await encodeIfLate(task, number, began);
        last = undefined;
      } catch (error) {
        if (!TransientError.is(error)) throw error;
        [leftMs, last] = [AGAIN_MS, 'unfinished'];
      }
    }
    return undefined;
  }

  /**
   * Returns when to look again, in milliseconds; undefined once it is decided, and published if it was this clip.
   * @param restsMs how long its message will rest
   */
  async function encodeIfLate(
    task: Task,
    number: number,
    began: number,
    restsMs = 0,
  ): Promise<number | undefined> {
    const join = await joinIn(task);
    if (join !== undefined) {
      if (join.by === number) await publishUndecided(task, number, deps);
      return undefined;
    }
    const latest = await latestLook(task, pins);
    // Whoever comes from now on has waited for so long at the earliest.
    if (latest === undefined) return patienceMs;
    const waitMs = patienceAfter(latest, task);
    const leftMs = Math.max(latest, began) + waitMs - now();
    // Another machine's clock may be ahead.
    if (leftMs > restsMs) return Math.min(leftMs, waitMs);
    await settle(task, number, tooLate(task, number));
    return undefined;
  }

  /** How long after the last look the others are left without a decision, milliseconds. */
  function patienceAfter(latest: number, { createdAt }: Task): number {
    const tookMs = latest - Date.parse(createdAt);
    return Math.min(Math.max(patienceMs, tookMs), MOST_PATIENCE * patienceMs);
  }

  async function settle(task: Task, by: number, decision: Decision): Promise<Join> {
    const stored = await pins.write(task.id, 'join', { ...decision, by });
    if (stored.by !== by) return stored;
    logJoined(log, task, stored);
    await publishUndecided(task, by, deps);
    return stored;
  }
}

function tooLate({ plan }: Task, number: number): Decision {
  const clip = titleOf(plan.sources[number] as Source);
  return { video: 'encoded', reason: `${clip} came too late to be looked at` };
}

/**
 * Publishes the messages of clips that were looked at and are not prepared: those that came before the decision have ended.
 * @param own the clip whose message is being handled, which goes on by itself
 */
async function publishUndecided(
  task: Task,
  own: number,
  { pins, queue }: Pick<JoinsDeps, 'pins' | 'queue'>,
): Promise<void> {
  if (decidedBefore(task) !== undefined) return;
  const others = clipsOf(task).filter((clip) => clip !== own);
  const copies = await pins.read(
    task.id,
    others.map((clip) => `copy-${clip}` as const),
  );
  const checked = others.filter((_, at) => copies[at] !== undefined);
  const prepared = await pins.read(
    task.id,
    checked.map((clip) => `prepared-${clip}` as const),
  );
  const open = checked.filter((_, at) => prepared[at] === undefined);
  await queue.publish(open.map((source) => ({ topic: 'prepare', taskId: task.id, source })));
}

function logJoined(log: Log, task: Task, join: Join): void {
  const { video, video_reason: reason } = joinView(join, task.plan);
  const why = video === 'copied' ? '' : `: ${reason ?? 'the request asks for it'}`;
  log.info(`The clips of task "${task.name}" are ${video}${why}`, {
    event: 'task.joined',
    insertId: `${task.id}-joined`,
    task_id: task.id,
    task_name: task.name,
    video,
    reason,
  });
}
