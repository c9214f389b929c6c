/** Many prepares of one task at once, in random order, each call late, processes dying before and after their calls. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { PermanentError, TransientError } from '../../functions/base/errors.ts';
import type { CopyCheck, Prepared } from '../../functions/model/pins.ts';
import { type Random, seededRandom } from '../../functions/model/random.ts';
import type { Task } from '../../functions/model/task.ts';
import { createJoins } from '../../functions/pipeline/decide-join.ts';
import { type PrepareDeps, prepare } from '../../functions/stages/prepare.ts';
import { DELIVERY, useStages } from '../fixtures/hosts/stages.ts';
import { sampled } from '../fixtures/system/sample.ts';

const TRIALS = 150;
const SEEDS = sampled(
  Array.from({ length: TRIALS }, (_, seed) => seed + 1),
  TRIALS / 4,
  'races of joins',
);
/** Short, because each death costs as much. */
const TTL_MS = 150;
const PATIENCE_MS = 60;
/** How long a fetch takes that is late, milliseconds. */
const LATE_MS = 3 * PATIENCE_MS;
const MOST_DEATHS = 6;

const NAMES = ['/a.mp4', '/b.mp4', '/c.mp4', '/d.mp4', '/e.mp4'];
const REFUSED = 'is interlaced';
const FIT: CopyCheck = { header: 'a'.repeat(64) };
const STORED = { [Symbol.dispose]() {} };

class Died extends Error {}

type Message = { source: number; messageId: string };

interface Trial {
  task: Task;
  /** By clip; undefined: it fails. */
  checks: readonly (CopyCheck | undefined)[];
  /** The clip whose first fetches take long, or are handed back. */
  late: { clip: number; handsBack: boolean } | undefined;
  /** Also processes may die, and nobody waits for ever for what is slow. */
  dies: boolean;
  /** A message that comes again soon takes those of others for lost. */
  takesForLost?: boolean;
  random: Random;
}

describe('the decision whether clips are copied', () => {
  const s = useStages();

  for (const seed of SEEDS) {
    test(`comes to every clip, whatever dies (${seed})`, async () => {
      const random = seededRandom(seed, 'races');
      // Of a task that has just begun, clips have no more than the least patience.
      const createdAt = new Date(Date.now() + (random() < 0.5 ? 3_600_000 : 0));
      const names = NAMES.slice(0, 2 + Math.floor(random() * 4));
      const task = await s.createTask({ clips: names, createdAt });
      const clips = task.plan.sources.length;
      const checks = Array.from({ length: clips }, () => (random() < 0.1 ? undefined : checkOf(random)));
      const isLate = random() < 0.3;
      const late = { clip: Math.floor(random() * clips), handsBack: random() < 0.5 };
      const takesForLost = random() < 0.5;
      const outcome = await outcomeOf({
        ...{ task, checks, late: isLate ? late : undefined },
        ...{ dies: true, takesForLost, random },
      });
      const headers = new Set(
        checks.flatMap((check) => (check === undefined ? [] : [check.refused ?? check.header])),
      );
      if (headers.size > 1 || headers.has(REFUSED)) assert.notEqual(outcome, 'copied');
      if (checks.every((check) => check === undefined)) assert.equal(outcome, undefined);
    });

    test(`copies all if nothing dies and nobody is late (${seed})`, async () => {
      const random = seededRandom(seed, 'copied');
      const task = await s.createTask({ clips: NAMES.slice(0, 2 + Math.floor(random() * 4)) });
      const failing = random() < 0.3 ? Math.floor(random() * task.plan.sources.length) : undefined;
      const checks = task.plan.sources.map((_, clip) => (clip === failing ? undefined : FIT));
      assert.equal(await outcomeOf({ task, checks, late: undefined, dies: false, random }), 'copied');
    });
  }

  /** Asserts that all clips have their result, of one kind. Returns the kind; undefined if all have failed. */
  async function outcomeOf(trial: Trial): Promise<'copied' | 'encoded' | undefined> {
    const { task, checks } = trial;
    const rendered = await deliverAll(trial);
    const pins = await s.deps.pins.read(
      task.id,
      checks.map((_, source) => `prepared-${source}` as const),
    );
    assert.ok(pins.every(Boolean), `without a result: ${pins.map((pin, at) => (pin ? '' : at)).join(' ')}`);
    for (const { index } of task.plan.combinations) assert.ok(rendered.has(index), `render ${index}`);
    const [join] = await s.deps.pins.read(task.id, ['join']);
    const made = pins.flatMap((pin) => (pin?.error === undefined && pin ? [pin.artifact] : []));
    const wanted = checks.filter((check) => check !== undefined).map(() => `clip/${join?.video}`);
    assert.deepEqual(made, wanted);
    return join?.video;
  }

  /** Delivers until nothing is left. Returns the renders that were published. */
  async function deliverAll({
    task,
    checks,
    late,
    dies,
    takesForLost = false,
    random,
  }: Trial): Promise<Set<number>> {
    const rendered = new Set<number>();
    const open = new Set<Promise<void>>();
    let deaths = 0;
    let slowFetches = 3;
    const send = (message: Message) => {
      const going = deliver(message).finally(() => open.delete(going));
      open.add(going);
    };
    const fetchOf = async (source: number, signal: AbortSignal) => {
      await sleep(random() * 20);
      if (source !== late?.clip || slowFetches === 0) return;
      slowFetches -= 1;
      if (late.handsBack) throw new TransientError('waiting', 'The server has time to recover.');
      await sleep(LATE_MS, undefined, { signal });
    };
    const deliver = async (message: Message): Promise<void> => {
      await sleep(random() * 40);
      // Each delivery has a process of its own.
      let left =
        dies && deaths < MOST_DEATHS && random() < 0.4 ? Math.floor(random() * 25) : Number.POSITIVE_INFINITY;
      if (left !== Number.POSITIVE_INFINITY) deaths += 1;
      const call = async <T>(work: () => Promise<T>): Promise<T> => {
        if (left < 0) throw new Died();
        left -= 0.5;
        if (left < 0) throw new Died();
        await sleep(random() * 3);
        const value = await work();
        left -= 0.5;
        if (left < 0) throw new Died();
        return value;
      };
      const watched = <P extends object>(port: P, change: Partial<P> = {}): P =>
        new Proxy(port, {
          get(target, name) {
            const value: unknown = Reflect.get(change, name) ?? Reflect.get(target, name, target);
            if (typeof value !== 'function') return value;
            return (...args: unknown[]) => call(() => Reflect.apply(value, target, args));
          },
        });
      const leases = watched(s.deps.leases, { ttlMs: TTL_MS, pollMs: 5 });
      const pins = watched(s.deps.pins);
      const queue = watched<PrepareDeps['queue']>({
        async publish(messages) {
          for (const one of messages) {
            if (one.topic === 'render') rendered.add(one.index);
            else if (one.topic === 'prepare') send({ source: one.source, messageId: crypto.randomUUID() });
          }
        },
      });
      const { log } = s.deps;
      // A test that nobody is late in must not depend on how busy the machine is.
      const hasty = { patienceMs: PATIENCE_MS, ...(takesForLost ? { lostMs: PATIENCE_MS } : {}) };
      const joins = createJoins({ pins, queue, log, ...(dies ? hasty : { patienceMs: 60_000 }) });
      const ready = async (own: Task, source: number, signal: AbortSignal): Promise<Prepared | undefined> => {
        const check = checks[source];
        await joins.watched(own, source, () => fetchOf(source, signal), signal);
        if (check === undefined) throw new PermanentError('no_video', 'probe', 'Expected video.');
        const join = await joins.joinOf(own, source, async () => check);
        if (join === undefined) return undefined;
        return {
          artifact: `clip/${join.video}`,
          seconds: 1,
          frames: 30,
          samples: 48_000,
          loudness: null,
          warnings: [],
        };
      };
      const deps: PrepareDeps = {
        ...s.deps,
        ...{ leases, pins, queue, log, joins },
        // What is pinned is there.
        artifacts: { ...s.deps.artifacts, look: async (key) => ({ ...STORED, key }) as never },
        sources: {
          ready: (own, source, { signal }) => ready(own, source, signal),
          opened: () => assert.fail(),
        },
      };
      try {
        await prepare(
          { topic: 'prepare', taskId: task.id, source: message.source },
          { ...DELIVERY, ...message },
          deps,
        );
      } catch {
        // Unacknowledged: it comes again.
        send(message);
      }
    };
    for (const [source] of task.plan.sources.entries()) {
      send({ source, messageId: crypto.randomUUID() });
      // A queue may deliver twice.
      if (random() < 0.2) send({ source, messageId: crypto.randomUUID() });
    }
    while (open.size > 0) await Promise.all(open);
    return rendered;
  }
});

function checkOf(random: Random): CopyCheck {
  const dice = random();
  if (dice < 0.1) return { refused: REFUSED };
  return { header: (dice < 0.2 ? 'b' : 'a').repeat(64) };
}
