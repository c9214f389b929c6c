import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { PermanentError, TransientError } from '../../functions/base/errors.ts';
import { asWork, createProblems } from '../../functions/coordination/problems.ts';
import { retryTransient } from '../../functions/coordination/retry-policy.ts';
import type { Message } from '../../functions/model/messages.ts';
import { type Problem, workName } from '../../functions/model/problem.ts';
import type { ProblemStore } from '../../functions/ports/problems.ts';
import { fakeTime } from '../fixtures/system/fake-time.ts';

const { signal } = new AbortController();
const PREPARE: Message = { topic: 'prepare', taskId: 'a', source: 3 };
const render = (index: number, taskId = 'a'): Message => ({ topic: 'render', taskId, index });
const network = (message = 'Expected an answer, got ECONNREFUSED.') => new TransientError('network', message);

/** Keeps everything in memory, and counts the writes. */
function memory() {
  const kept = new Map<string, Problem>();
  const calls: string[] = [];
  const store: ProblemStore = {
    async note(taskId, problem) {
      calls.push(`note ${workName(problem.work)}`);
      const key = `${taskId} ${workName(problem.work)}`;
      kept.set(key, { ...problem, since: Math.min(problem.since, kept.get(key)?.since ?? problem.since) });
    },
    async clear(taskId, work) {
      calls.push(`clear ${workName(work)}`);
      kept.delete(`${taskId} ${workName(work)}`);
    },
    async latest(taskId) {
      return [...kept].filter(([key]) => key.startsWith(`${taskId} `)).map(([, problem]) => problem);
    },
  };
  return { store, calls, kept };
}

function setUp(t: TestContext) {
  const time = fakeTime(t);
  const { store, calls, kept } = memory();
  const problems = createProblems({ store, now: time.now });
  const first = async (taskId = 'a') => (await problems.latest(taskId))[0];
  return { time, problems, calls, kept, first };
}

describe('problems of a task', () => {
  it('are seen after the first failed try of a step, with the next one, and are over when it succeeds', async (t) => {
    const { time, problems, kept, first } = setUp(t);
    let tries = 0;
    const seen: (Problem | undefined)[] = [];
    const step = async () => {
      seen.push(await first());
      if (++tries < 4) throw network();
    };
    const work = () => retryTransient(step, { signal, stage: 'download' });
    await time.passing(problems.during(PREPARE, () => asWork({ topic: 'fetch', source: 1 }, work)));
    assert.equal(seen[0], undefined);
    for (const problem of seen.slice(1)) {
      assert.ok(problem);
      const { nextTryAt, notedAt, ...rest } = problem;
      assert.deepEqual(rest, {
        work: { topic: 'fetch', source: 1 },
        code: 'network',
        message: 'Expected an answer, got ECONNREFUSED.',
        stage: 'download',
        since: 0,
      });
      assert.ok(nextTryAt !== null && nextTryAt >= notedAt + 500, `${nextTryAt} after ${notedAt}`);
    }
    assert.ok((seen[2]?.nextTryAt ?? 0) > (seen[1]?.nextTryAt ?? 0));
    assert.equal(await first(), undefined);
    assert.equal(kept.size, 0);
  });

  it('stay while the message is handed back, with the time of the next delivery, and are over once it succeeds', async (t) => {
    const { time, problems, first } = setUp(t);
    const failing = () => retryTransient(() => Promise.reject(network()), { signal });
    const delivery = problems.during(PREPARE, () => asWork({ topic: 'fetch', source: 1 }, failing));
    const error = await time.passing(delivery.catch((reason: unknown) => reason));
    await problems.handedBack(PREPARE, error, 7_000);
    const handedBack = time.now();
    const { work, since, nextTryAt } = (await first()) as Problem;
    assert.deepEqual([work, since], [{ topic: 'fetch', source: 1 }, 0]);
    assert.equal(nextTryAt, handedBack + 7_000);
    // Waiting is no problem, but it puts off the next try.
    await problems.handedBack(PREPARE, new TransientError('waiting', 'The server rests.'), 60_000);
    assert.equal((await first())?.nextTryAt, handedBack + 60_000);
    assert.equal((await first())?.code, 'network');
    await problems.during(PREPARE, () => asWork({ topic: 'fetch', source: 1 }, async () => {}));
    assert.equal(await first(), undefined);
  });

  it('are over when the work fails for good', async (t) => {
    const { problems, first } = setUp(t);
    const fetching = (error: Error) =>
      problems.during(PREPARE, () => asWork({ topic: 'fetch', source: 1 }, () => Promise.reject(error)));
    const error = network();
    await assert.rejects(fetching(error));
    await problems.handedBack(PREPARE, error);
    assert.deepEqual(
      [(await first())?.work, (await first())?.nextTryAt],
      [{ topic: 'fetch', source: 1 }, null],
    );
    await assert.rejects(fetching(new PermanentError('source_unreachable', 'download', 'Away.')));
    assert.equal(await first(), undefined);
  });

  it('are none of these: waiting, a cancel, a lost lease, a dead letter, an unexpected error', async (t) => {
    const { problems, first } = setUp(t);
    for (const code of ['waiting', 'cancelled', 'lease_lost'] as const)
      await problems.handedBack(PREPARE, new TransientError(code, 'No.'), 1_000);
    await problems.handedBack(PREPARE, new Error('unexpected'), 1_000);
    const letter: Message = { topic: 'dead-letter', taskId: 'a', message: render(1) as never, reason: '' };
    await problems.handedBack(letter, network(), 1_000);
    assert.equal(await first(), undefined);
  });

  it('are a full disk, too, as the system says it', async (t) => {
    const { problems, first } = setUp(t);
    await problems.handedBack(render(2), Object.assign(new Error('no space'), { code: 'ENOSPC' }), 1_000);
    assert.equal((await first())?.code, 'disk_full');
    assert.match((await first())?.message ?? '', /no(ne)? .*left|room on the disk/);
  });

  it('are shown latest first, and each ends by itself', async (t) => {
    const { time, problems } = setUp(t);
    const fail = async (index: number) => {
      await problems.handedBack(render(index), network(`of ${index}`), 1_000);
      await time.passing(new Promise((resolve) => setTimeout(resolve, 3_000)));
    };
    for (const index of [1, 2, 1]) await fail(index);
    const shown = async () => (await problems.latest('a')).map(({ message, since }) => [message, since]);
    assert.deepEqual(await shown(), [
      ['of 1', 0],
      ['of 2', 3_000],
    ]);
    await problems.during(render(1), async () => {});
    assert.deepEqual(await shown(), [['of 2', 3_000]]);
    assert.deepEqual(await problems.latest('another task'), []);
  });

  it('cost one write in two seconds, however many renders fail, and the last one is stored', async (t) => {
    const { time, problems, calls, kept, first } = setUp(t);
    for (let second = 0; second < 10; second++) {
      for (let index = 0; index < 100; index++)
        await problems.handedBack(render(100 * second + index), network(), 1_000);
      await time.passing(new Promise((resolve) => setTimeout(resolve, 1_000)));
    }
    const notes = calls.filter((call) => call.startsWith('note'));
    assert.ok(notes.length >= 5 && notes.length <= 7, calls.join());
    // The row of what memory has no room for goes, because nothing would clear it later.
    assert.ok(kept.size <= 3, [...kept.keys()].join());
    assert.deepEqual((await first())?.work, { topic: 'render', index: 999 });
    await time.passing(new Promise((resolve) => setTimeout(resolve, 2_000)));
    assert.ok(kept.has('a render/999'));
    await problems.handedBack(render(1, 'b'), network(), 1_000);
    assert.ok(kept.has('b render/1'), 'another task does not wait');
  });

  it('do not fail the work if they cannot be stored, and are shown all the same', async (t) => {
    const time = fakeTime(t);
    const broken = () => Promise.reject(new Error('the database is full'));
    const problems = createProblems({
      store: { note: broken, clear: broken, latest: async () => [] },
      now: time.now,
    });
    let tries = 0;
    const step = async () => {
      tries += 1;
      if (tries < 3) throw network();
      return (await problems.latest('a'))[0]?.code;
    };
    const seen = await time.passing(problems.during(PREPARE, () => retryTransient(step, { signal })));
    assert.equal(seen, 'network');
    assert.deepEqual(await problems.latest('a'), []);
  });

  it('that an earlier process noted began when it says', async (t) => {
    const time = fakeTime(t);
    const { store } = memory();
    const noted = { code: 'network', message: 'x', stage: null, since: -5_000, nextTryAt: null } as const;
    await store.note('a', { ...noted, work: { topic: 'render', index: 1 }, notedAt: -4_000 });
    const problems = createProblems({ store, now: time.now });
    await problems.handedBack(render(1), network('again'), 1_000);
    const [only] = await problems.latest('a');
    assert.deepEqual([only?.message, only?.since], ['again', -5_000]);
  });

  it('that an earlier process noted are over when the step succeeds, also while the work goes on', async (t) => {
    const { problems, kept } = setUp(t);
    const noted = {
      code: 'speech_busy',
      message: 'x',
      since: -5_000,
      nextTryAt: null,
      notedAt: -4_000,
    } as const;
    const stored = (index: number, stage: Problem['stage']) => {
      const work = { topic: 'render', index } as const;
      kept.set(`a ${workName(work)}`, { ...noted, stage, work });
    };
    stored(1, 'mix');
    stored(2, 'mix');
    await problems.during(render(1), async () => {
      await retryTransient(async () => {}, { signal, stage: 'save' });
      await setImmediate();
      assert.deepEqual([...kept.keys()], ['a render/1', 'a render/2'], 'another step');
      await retryTransient(async () => {}, { signal, stage: 'mix' });
      await setImmediate();
      assert.deepEqual([...kept.keys()], ['a render/2']);
    });
    await problems.during(render(2), async () => {});
    assert.deepEqual([...kept.keys()], []);
  });

  it('of other processes are looked up once a minute, and what is noted here meanwhile stays', async (t) => {
    const time = fakeTime(t);
    const { store, kept } = memory();
    let reads = 0;
    const latest: ProblemStore['latest'] = async (...args) => {
      reads += 1;
      return store.latest(...args);
    };
    const problems = createProblems({ store: { ...store, latest }, now: time.now });
    for (let index = 1; index <= 100; index++) await problems.during(render(index), async () => {});
    assert.equal(reads, 1);
    await time.passing(new Promise((resolve) => setTimeout(resolve, 60_000)));
    await problems.handedBack(render(7), network(), 1_000);
    await problems.during(render(8), async () => {});
    assert.equal(reads, 2);
    assert.deepEqual([...kept.keys()], ['a render/7']);
    await problems.during(render(7), async () => {});
    assert.deepEqual([...kept.keys()], []);
  });
});
