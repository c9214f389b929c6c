/** Whole tasks on a virtual clock: few instances, and messages in any order. */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TransientError } from '../../functions/base/errors.ts';
import { createLog } from '../../functions/base/log.ts';
import { makePlan } from '../../functions/model/make-plan.ts';
import type { Join, PinName } from '../../functions/model/pins.ts';
import { seededRandom } from '../../functions/model/random.ts';
import type { Task } from '../../functions/model/task.ts';
import { createJoins } from '../../functions/pipeline/decide-join.ts';
import type { PinStore } from '../../functions/ports/pins.ts';
import { PLAIN_OUTPUT, PLAIN_SOUND } from '../fixtures/media/plain-choices.ts';
import { addressOf } from '../fixtures/network/source-address.ts';
import { fakeTime } from '../fixtures/system/fake-time.ts';

const SLOTS = 6;
const FETCH_MS = 2_000;
const PATIENCE_MS = 15_000;
const PAUSE_MS = 5_000;

interface Wish {
  tasks: number;
  clips: number;
  seed: string;
  /** How long the clips of each task take to fetch, by their numbers. */
  fetchMs?: (clip: number) => number;
  /** The same of the first one. */
  firstMs?: number;
  /** Its message is handed back during that time, as in a pause of its server. */
  handedBack?: boolean;
}

describe('many clips on few instances', () => {
  for (const [tasks, clips] of [
    [1, 9],
    [6, 9],
    [12, 9],
    [1, 65],
  ] as const) {
    test(`${tasks} tasks of ${clips} clips are copied`, async (t) => {
      for (const seed of ['one', 'two', 'three']) {
        const { joins, prepared, deliveries } = await simulate(t, { tasks, clips, seed });
        assert.deepEqual(
          joins.map((join) => join?.video),
          Array(tasks).fill('copied'),
        );
        assert.equal(prepared.length, tasks * clips);
        assert.ok(deliveries <= 2 * tasks * clips, String(deliveries));
      }
    });
  }

  /** As those of some 30 MB each that share a line of 10 Mbit/s. */
  const slowly = (clip: number) => 40_000 + 30_000 * clip;

  test('clips that come one by one on a slow line are copied', async (t) => {
    const { joins } = await simulate(t, { tasks: 1, clips: SLOTS, seed: 'line', fetchMs: slowly });
    assert.deepEqual(
      joins.map((join) => join?.video),
      ['copied'],
    );
  });

  test('also on a slow line, the others wait for no more than a minute', async (t) => {
    const wish = { tasks: 1, clips: SLOTS, seed: 'line', fetchMs: slowly, firstMs: 600_000 };
    const { joins, prepared, looks } = await simulate(t, wish);
    assert.match(JSON.stringify(joins), /"encoded".*came too late/);
    const last = Math.max(...looks.map(({ at }) => at));
    const held = prepared.filter(({ clip }) => looks.some((look) => look.clip === clip));
    assert.equal(held.length, SLOTS - 1);
    for (const { clip, at } of held) assert.ok(at - last <= 61_000, `clip ${clip} at ${at - last}`);
  });

  for (const handedBack of [false, true]) {
    test(`the others do not wait for a clip that takes a minute${handedBack ? ' of pauses' : ''}`, async (t) => {
      const firstMs = 60_000;
      const { joins, prepared, looks } = await simulate(t, {
        ...{ tasks: 1, clips: 9, seed: 'slow', firstMs, handedBack },
      });
      assert.match(JSON.stringify(joins), /"encoded".*came too late/);
      const last = Math.max(...looks.map(({ at }) => at));
      for (const { clip, at } of prepared.filter(({ clip }) => clip !== 0)) {
        assert.ok(
          at - last <= PATIENCE_MS + (handedBack ? PAUSE_MS : 0) + 1_000,
          `clip ${clip} at ${at - last}`,
        );
      }
      assert.equal(prepared.length, 9);
    });
  }
});

async function simulate(t: TestContext, wish: Wish) {
  const time = fakeTime(t);
  const random = seededRandom(1, wish.seed);
  const pins = pinsInMemory();
  const waiting: { task: Task; source: number }[] = [];
  const tasks = Array.from({ length: wish.tasks }, (_, at) => taskOf(`task ${at}`, wish.clips));
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const send = (taskId: string, source: number) => waiting.push({ task: byId.get(taskId) as Task, source });
  const joins = createJoins({
    pins,
    queue: {
      async publish(messages) {
        for (const one of messages) if (one.topic === 'prepare') send(one.taskId, one.source);
      },
    },
    log: createLog({ level: 'error', pretty: false, write: () => {} }),
    now: time.now,
  });
  const prepared: { clip: number; at: number }[] = [];
  const looks: { clip: number; at: number }[] = [];
  const fetched = new Set<string>();
  let deliveries = 0;

  async function handle(task: Task, source: number): Promise<void> {
    deliveries += 1;
    const { signal } = new AbortController();
    await joins.resume(task, source);
    const fetch = async () => {
      const own = `${task.id} ${source}`;
      if (fetched.has(own)) return;
      const needsMs = (source === 0 && wish.firstMs) || (wish.fetchMs?.(source) ?? FETCH_MS);
      if (wish.handedBack && source === 0 && time.now() < needsMs) {
        throw new TransientError('waiting', 'The server has time to recover.');
      }
      await sleep(wish.handedBack ? FETCH_MS : needsMs);
      fetched.add(own);
    };
    await joins.watched(task, source, fetch, signal);
    const join = await joins.joinOf(task, source, async () => {
      await sleep(100);
      looks.push({ clip: source, at: time.now() });
      return { header: 'a'.repeat(64) };
    });
    // Its message may be out twice: the stage leaves it to one of them.
    const name = `prepared-${source}` as const;
    if (join === undefined || (await pins.read(task.id, [name]))[0] !== undefined) return;
    const pin = {
      artifact: join.video,
      seconds: 1,
      frames: 30,
      samples: 48_000,
      loudness: null,
      warnings: [],
    };
    prepared.push({ clip: source, at: time.now() });
    await pins.write(task.id, name, pin);
  }

  for (const { id } of tasks) for (let source = 0; source < wish.clips; source++) send(id, source);
  const all = new Promise<void>((resolve) => {
    const slot = async () => {
      for (;;) {
        const [next] = waiting.splice(Math.floor(random() * waiting.length), 1);
        if (next === undefined) {
          if (prepared.length >= wish.tasks * wish.clips) return resolve();
          await sleep(50);
          continue;
        }
        await handle(next.task, next.source).catch((error: unknown) => {
          if (!TransientError.is(error)) throw error;
          setTimeout(() => waiting.push(next), PAUSE_MS);
        });
      }
    };
    for (let one = 0; one < SLOTS; one++) void slot();
  });
  await time.passing(all);
  t.mock.timers.reset();
  t.mock.restoreAll();
  const decided = await Promise.all(tasks.map(async ({ id }) => (await pins.read(id, ['join']))[0]));
  return { joins: decided as (Join | undefined)[], prepared, looks, deliveries };
}

function pinsInMemory(): PinStore {
  const stored = new Map<string, object>();
  const keyOf = (taskId: string, name: PinName) => `${taskId} ${name}`;
  return {
    read: async (taskId, names) => names.map((name) => stored.get(keyOf(taskId, name)) as never),
    count: () => assert.fail('was counted'),
    async write(taskId, name, pin) {
      const key = keyOf(taskId, name);
      if (!stored.has(key)) stored.set(key, pin);
      return stored.get(key) as never;
    },
  };
}

function taskOf(id: string, clips: number): Task {
  const addresses = Array.from({ length: clips }, (_, at) => addressOf(`https://clips.example/${at}.mp4`));
  const plan = makePlan({
    ...{ blocks: [{ name: 'block', clips: addresses }], tracks: [], lines: [] },
    ...{ output: PLAIN_OUTPUT, sound: PLAIN_SOUND, seed: 1 },
  });
  return { id, name: id, plan, createdAt: new Date(0).toISOString() } as Task;
}
