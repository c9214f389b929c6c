import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { createEncoderPlaces } from '../../functions/coordination/encoder-places.ts';
import { placesFor } from '../../functions/hosts/lanes.ts';
import { seededRandom } from '../../functions/model/random.ts';
import {
  busyShare,
  coresUsed,
  type Instant,
  type SimulatedClip,
  simulate,
} from '../fixtures/hosts/encoder-simulation.ts';
import { EXHAUSTIVE } from '../fixtures/system/sample.ts';

const GB = 1024;
const HD = 300;
const UHD_HDR = 1_800;

const limitsOf = (cores: number, memoryMb: number, threads?: number) =>
  placesFor({ threads, mixers: 1, memoryMb, cores }).encoding;

/** So many clips, all there from the start, that keep a core busy for ten seconds. */
const clips = (count: number, change: Partial<SimulatedClip> = {}): SimulatedClip[] =>
  Array.from({ length: count }, () => ({ owner: 'a', atMs: 0, workMs: 10_000, memoryMb: HD, ...change }));

const total = (of: readonly number[]) => of.reduce((sum, one) => sum + one, 0);

describe('encoders at a time and their threads', () => {
  for (const [cores, memory, left, threads] of [
    [1, 1 / 2, 9, [1]],
    [1, 4, 9, [1]],
    [2, 1 / 2, 9, [1]],
    [2, 4, 9, [2]],
    [3, 4, 9, [3]],
    [4, 2, 9, [4]],
    [4, 8, 9, [2, 2]],
    [4, 8, 1, [4]],
    [8, 16, 9, [2, 2, 2, 2]],
    [8, 16, 3, [2, 3, 3]],
    [16, 32, 99, Array(8).fill(2)],
    [16, 32, 5, [3, 3, 3, 3, 4]],
    [16, 4, 99, [2, 2, 2, 2, 2, 2, 2, 2]],
    [64, 128, 99, Array(16).fill(4)],
  ] as const) {
    test(`${cores} cores, ${memory} GB, ${left} clips left: ${threads.length} encoders`, async (t) => {
      const [first] = await simulate(t, limitsOf(cores, memory * GB), clips(left));
      assert.deepEqual(
        first?.running.map((one) => one.threads),
        threads,
      );
    });
  }

  test('follow FFMPEG_THREADS', async (t) => {
    const started = async (...limits: Parameters<typeof limitsOf>) =>
      (await simulate(t, limitsOf(...limits), clips(9)))[0]?.running.map((one) => one.threads);
    assert.deepEqual(await started(8, 16 * GB, 4), [4, 4]);
    assert.deepEqual(await started(2, 4 * GB, 2), [2]);
    assert.deepEqual(await started(2, 4 * GB, 8), [8]);
    assert.deepEqual(await started(4, 8 * GB, 1), [1, 1, 1, 1]);
  });

  test('are fewer for large clips', async (t) => {
    const [first] = await simulate(t, limitsOf(16, 16 * GB), clips(20, { memoryMb: UHD_HDR }));
    assert.deepEqual(
      first?.running.map((one) => one.threads),
      [3, 3, 3, 3, 4],
    );
  });
});

describe('admission to encoders', () => {
  for (const seed of Array.from({ length: EXHAUSTIVE ? 1_000 : 40 }, (_, at) => at)) {
    test(`keeps within cores and memory, wastes no core, and every clip ends (seed ${seed})`, async (t) => {
      const { cores, memoryMb, tasks } = scenario(seed);
      const limits = limitsOf(cores, memoryMb);
      const instants = await simulate(t, limits, tasks);
      for (const instant of instants) checkInstant(limits, instant);
    });
  }

  test('lets a task of one clip begin within seconds beside a hundred clips of another', async (t) => {
    for (const [cores, memory] of [
      [2, 4],
      [16, 32],
    ] as const) {
      const one = { owner: 'b', atMs: 20_000, workMs: 5_000, memoryMb: HD };
      const limits = limitsOf(cores, memory * GB);
      const instants = await simulate(t, limits, [...clips(100, { workMs: 60_000 }), one]);
      assert.ok(startOf(instants, 'b') <= one.atMs + limits.slowAfterMs);
    }
  });

  test('serves tasks in turn', async (t) => {
    // Too little memory for a slow lane.
    const limits = limitsOf(2, GB);
    const instants = await simulate(t, limits, [...clips(20), ...clips(3, { owner: 'b', atMs: 1_000 })]);
    const order = instants.flatMap(({ running }) => running.map(({ owner }) => owner));
    assert.match(order.join(''), /^a+b+a+b+a+b+a+$/);
    assert.ok(startOf(instants, 'b') <= 10_000, String(startOf(instants, 'b')));
  });

  test('runs no more threads than there are cores, however many a lone clip has', async () => {
    const places = createEncoderPlaces(limitsOf(4, 8 * GB));
    using one = places('a');
    using gone = places('a');
    gone[Symbol.dispose]();
    const open = Promise.withResolvers<void>();
    const begun = one.room(HD)(() => open.promise);
    await setImmediate();
    assert.equal(one.threads, 4);
    using other = places('a');
    let started = false;
    const later = other.room(HD)(async () => {
      started = true;
    });
    await setImmediate();
    assert.equal(started, false);
    assert.deepEqual(places.usage(), { used: 1, limit: limitsOf(4, 8 * GB).encoders });
    open.resolve();
    await Promise.all([begun, later]);
    assert.equal(started, true);
    assert.equal(places.usage().used, 0);
  });

  test('moves one clip of a task aside, and no more', async (t) => {
    const limits = limitsOf(16, 32 * GB);
    const tasks = [
      ...clips(8, { workMs: 120_000 }),
      ...clips(8, { owner: 'b', atMs: 10_000, workMs: 120_000 }),
    ];
    const instants = await simulate(t, limits, tasks);
    const both = instants.filter(({ atMs, forMs }) => atMs < 50_000 && atMs + forMs > 20_000);
    assert.ok(both.length > 0);
    for (const { running } of both) assert.equal(running.length, 9);
  });

  test('does not leave a large clip behind small ones that keep coming', async (t) => {
    const stream = Array.from({ length: 300 }, (_, at) => ({
      owner: `small ${at % 3}`,
      atMs: at * 500,
      workMs: 5_000 + 700 * (at % 5),
      memoryMb: HD,
    }));
    const large = { owner: 'large', atMs: 10_000, workMs: 9_000, memoryMb: UHD_HDR };
    const instants = await simulate(t, limitsOf(8, 4 * GB), [...stream, large]);
    // All that ran when it came have ended by then.
    assert.ok(startOf(instants, 'large') <= 20_000, String(startOf(instants, 'large')));
  });

  test('starts a clip that is larger than all the memory by itself', async (t) => {
    const large = { owner: 'b', atMs: 1_000, workMs: 9_000, memoryMb: 9 * GB };
    const instants = await simulate(t, limitsOf(8, 4 * GB), [...clips(40), large]);
    const beside = instants.filter(({ running }) => running.some(({ owner }) => owner === 'b'));
    assert.ok(beside.length > 0);
    assert.ok(beside.every(({ running }) => running.length === 1));
  });

  test('goes on with other clips of a task whose long one has made way', async (t) => {
    const limits = limitsOf(16, 32 * GB);
    const tasks = [...clips(40, { workMs: 120_000 }), ...clips(1, { owner: 'b', atMs: 10_000 })];
    const instants = await simulate(t, limits, tasks);
    const after = instants.filter(({ atMs, forMs, waiting }) => atMs + forMs > 25_000 && waiting.length > 0);
    assert.ok(after.length > 0);
    for (const { running } of after) assert.equal(total(running.map((one) => one.threads)), limits.cores);
  });

  for (const [cores, memory, least] of [
    [2, 4, 0.9],
    [4, 8, 0.9],
    [8, 16, 0.9],
    [16, 32, 0.9],
    // The last clips of all leave more cores without work.
    [32, 64, 0.85],
    // At most 16 encoders.
    [64, 128, 0.65],
  ] as const) {
    test(`keeps ${cores} cores busy with a hundred clips`, async (t) => {
      const instants = await simulate(t, limitsOf(cores, memory * GB), mixed(cores));
      const busy = busyShare(cores, instants);
      t.diagnostic(`${cores} cores: ${(100 * busy).toFixed(1)} % busy`);
      assert.ok(busy >= least, String(busy));
    });
  }
});

function startOf(instants: readonly Instant[], owner: string): number {
  const first = instants.find(({ running }) => running.some((one) => one.owner === owner));
  return first?.atMs ?? Number.POSITIVE_INFINITY;
}

/** 3 to 15 s of a phone's footage, in any order. */
function mixed(seed: number): SimulatedClip[] {
  const random = seededRandom(seed, 'encoders');
  return clips(100).map((clip) => ({ ...clip, workMs: Math.round(5_000 + 25_000 * random()) }));
}

function scenario(seed: number) {
  const random = seededRandom(seed, 'encoders');
  const upTo = (most: number) => Math.floor(random() * (most + 1));
  const cores = Math.round(2 ** (6 * random()));
  const memoryMb = Math.round(512 * 2 ** (8 * random()));
  const tasks = Array.from({ length: 1 + upTo(5) }, (_, task) =>
    Array.from({ length: 1 + upTo(30) }, () => ({
      owner: `task ${task}`,
      atMs: 500 * upTo(60),
      workMs: 500 + upTo(random() < 0.1 ? 300_000 : 20_000),
      memoryMb: [HD, 450, 700, UHD_HDR][upTo(3)] ?? HD,
    })),
  ).flat();
  return { cores, memoryMb, tasks };
}

function checkInstant(limits: ReturnType<typeof limitsOf>, { running, waiting, atMs }: Instant): void {
  const { cores, encoders, memoryMb, threads, slowPlaces } = limits;
  const at = `at ${atMs} ms with ${running.length} of ${encoders} encoders`;
  const used = total(running.map((one) => one.memoryMb));
  assert.ok(running.length <= encoders + slowPlaces, at);
  assert.ok(running.length === 1 || used <= memoryMb, `${at}: ${used} of ${memoryMb} MB`);
  const most = Math.max(cores, threads.most) + slowPlaces * threads.most;
  assert.ok(total(running.map((one) => one.threads)) <= most, at);
  for (const one of running) {
    assert.ok(one.threads >= threads.least && one.threads <= threads.most, at);
  }
  if (waiting.length > 0) assert.ok(running.length > 0, at);
  // If everything fits, clips wait only because cores or encoders are all in use.
  const largest = Math.max(...waiting.map((one) => one.memoryMb), 0);
  if (waiting.length === 0 || used + 2 * largest > memoryMb) return;
  const isFull =
    running.length >= encoders || total(running.map((one) => one.threads)) > cores - threads.least;
  assert.ok(isFull, `${at}: ${waiting.length} wait, ${total(running.map(coresUsed))} of ${cores} cores used`);
}
