/**
 * Decides once per task whether its clips are copied or encoded: all or none, because copied frames are shown with the
 * header of the first clip. No message waits for the clips of others, except one per task, for a short time: the messages
 * that end meanwhile are published again by whoever decides.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../base/log.ts';
import { underLease } from '../coordination/lease.ts';
import { joinKey } from '../coordination/lease-keys.ts';
import type { CopyCheck, Join } from '../model/pins.ts';
import { type Source, titleOf } from '../model/plan.ts';
import type { Task } from '../model/task.ts';
import type { LeaseStore, PinStore, Queue } from '../ports.ts';
import { clipsOf, type JoinOutlook, outlookOf } from './join-outlook.ts';

export interface JoinsDeps {
  pins: PinStore;
  leases: LeaseStore;
  queue: Queue;
  log: Log;
  /** The shortest and the longest time to wait for clips that are late, milliseconds. */
  patienceMs?: { least: number; most: number };
}

export interface Joins {
  /**
   * What becomes of a clip whose message is being handled; the caller holds its lease. Undefined if the message of another
   * clip waits for the rest: then end. Once it is decided, this message is published again.
   * @param check whether that clip can be copied; called at most once, and only while nothing is decided
   */
  joinOf(
    task: Task,
    number: number,
    check: () => Promise<CopyCheck>,
    signal: AbortSignal,
  ): Promise<Join | undefined>;
}

/** Clips that are sent together arrive within seconds of each other; in the cloud, instances start within ten. */
const PATIENCE_MS = { least: 10_000, most: 20_000 };

export function createJoins({ pins, leases, queue, log, patienceMs = PATIENCE_MS }: JoinsDeps): Joins {
  return {
    async joinOf(task, number, check, signal) {
      const join = (await joinIn(task)) ?? (await decide(task, number, check, signal));
      // Also with each redelivery: the process that wrote the decision may have died before it published anything.
      if (join?.by === number) await publishUndecided(task, number, { pins, leases, queue });
      return join;
    },
  };

  async function joinIn({ id }: Task): Promise<Join | undefined> {
    return (await pins.read(id, ['join']))[0];
  }

  async function decide(
    task: Task,
    number: number,
    check: () => Promise<CopyCheck>,
    signal: AbortSignal,
  ): Promise<Join | undefined> {
    const by = number;
    if (task.plan.output.reencode) return settle(task, { video: 'encoded', reason: null, by });
    const name = `copy-${number}` as const;
    const [known] = await pins.read(task.id, [name]);
    // In this order: first its own pin, then the decision, then the lease. Whoever decides writes first and then reads.
    if (known === undefined) await pins.write(task.id, name, await check());
    const key = joinKey(task.id);
    for (;;) {
      const decided = (await joinIn(task)) ?? (await settled(task, by));
      if (decided !== undefined) return decided;
      const holder = String(number);
      const waited = await underLease({ leases, key, ttlMs: leases.ttlMs, holder, signal }, (_before, held) =>
        waitForRest(task, by, held),
      );
      if (waited !== undefined) return waited.value;
      const waiting = await leases.holderOf(key);
      // If its process dies, its message comes again. This very clip's may have died just now: nobody else would notice.
      if (waiting !== undefined && waiting !== holder) return undefined;
      await sleep(leases.pollMs, undefined, { signal });
    }
  }

  /** Decides if all that matters is known. */
  async function settled(task: Task, by: number): Promise<Join | undefined> {
    const outlook = await outlookOf(task, pins);
    return outlook.decided && settle(task, { ...outlook.decided, by });
  }

  /**
   * Waits no longer than encoding what is there would take: whatever the late clips turn out to be, that costs at most twice
   * what the best choice would have.
   */
  async function waitForRest(task: Task, by: number, signal: AbortSignal): Promise<Join> {
    const began = performance.now();
    for (;;) {
      const outlook = await outlookOf(task, pins);
      if (outlook.decided !== undefined) return settle(task, { ...outlook.decided, by });
      const patience = Math.min(patienceMs.most, Math.max(patienceMs.least, outlook.seconds * 1000));
      if (performance.now() - began >= patience) return settle(task, { ...tooLate(task, outlook), by });
      await sleep(leases.pollMs, undefined, { signal });
      const join = await joinIn(task);
      if (join !== undefined) return join;
    }
  }

  async function settle(task: Task, join: Join): Promise<Join> {
    const stored = await pins.write(task.id, 'join', join);
    if (stored.by === join.by) logJoined(log, task, stored);
    return stored;
  }
}

function tooLate({ plan }: Task, { late }: JoinOutlook) {
  const clip = titleOf(plan.sources[late[0] as number] as Source);
  return { video: 'encoded', reason: `${clip} came too late to be looked at` } as const;
}

/**
 * Publishes the messages of clips that were looked at and are not prepared: those that came before the decision have ended.
 * Called after it is written, or by whoever gives up the message that would have made it.
 * @param own the clip whose message is being handled, which goes on by itself
 */
export async function publishUndecided(
  task: Task,
  own: number,
  { pins, leases, queue }: Pick<JoinsDeps, 'pins' | 'leases' | 'queue'>,
): Promise<void> {
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
  if (open.length === 0) return;
  // So does the one that waits.
  const waiting = await leases.holderOf(joinKey(task.id));
  const ended = open.filter((clip) => String(clip) !== waiting);
  await queue.publish(ended.map((source) => ({ topic: 'prepare', taskId: task.id, source })));
}

function logJoined(log: Log, task: Task, join: Join): void {
  const reason = join.video === 'encoded' ? join.reason : null;
  const why = join.video === 'copied' ? '' : `: ${reason ?? 'the request asks for it'}`;
  log.info(`The clips of task "${task.name}" are ${join.video}${why}`, {
    event: 'task.joined',
    insertId: `${task.id}-joined`,
    task_id: task.id,
    task_name: task.name,
    video: join.video,
    reason,
  });
}
