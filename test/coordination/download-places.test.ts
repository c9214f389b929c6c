import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  createDownloadPlaces,
  nextDownload,
  type Wish,
} from '../../functions/coordination/download-places.ts';
import { fakeTime } from '../fixtures/system/fake-time.ts';

const COUNTS = { all: 96, perHost: 48 };

/** As "task@host", separated by spaces. */
function wishes(text: string): Wish[] {
  return text.split(' ').map((word) => {
    const [taskId = '', host = ''] = word.split('@');
    return { taskId, host };
  });
}

/** Moves as many of the waiting downloads as may start to those that are held. */
function startAll(waiting: Set<Wish>, held: Wish[]): void {
  for (let one = nextDownload(waiting, held, COUNTS); one; one = nextDownload(waiting, held, COUNTS)) {
    waiting.delete(one);
    held.push(one);
  }
}

/** How many of these downloads start, by task. */
function started(wanted: Wish[]): Record<string, number> {
  const held: Wish[] = [];
  startAll(new Set(wanted), held);
  const counts: Record<string, number> = {};
  for (const { taskId } of held) counts[taskId] = (counts[taskId] ?? 0) + 1;
  return counts;
}

const many = (count: number, task: string, host: (n: number) => string): Wish[] =>
  Array.from({ length: count }, (_, n) => ({ taskId: task, host: host(n) }));

describe('places for downloads', () => {
  test('give a task a fifth of them at most, and a fifth of those of a host', () => {
    assert.deepEqual(started(many(100, 'a', (n) => `host ${n}`)), { a: 20 });
    assert.deepEqual(started(many(100, 'a', () => 'one host')), { a: 10 });
  });

  test('are left for the next task, also at a host from which twelve tasks want everything', () => {
    const held: Wish[] = [];
    const waiting = new Set<Wish>();
    // One after the other, so that the first has taken all it may before the second comes.
    for (let n = 1; n <= 12; n++) {
      for (const wish of many(100, `hog ${n}`, () => 'one host')) waiting.add(wish);
      startAll(waiting, held);
    }
    const ordinary = { taskId: 'ordinary', host: 'one host' };
    assert.equal(nextDownload([...waiting, ordinary], held, COUNTS), ordinary);
    const elsewhere = { taskId: 'hog 1', host: 'another host' };
    assert.equal(nextDownload([...waiting, elsewhere], held, COUNTS), elsewhere);
  });

  test('are shared alike by tasks that want everything', () => {
    const wanted = ['a', 'b', 'c'].flatMap((task) => many(50, task, (n) => `host ${n}`));
    assert.deepEqual(started(wanted), { a: 14, b: 14, c: 14 });
  });

  test('go to the task with the fewest downloads, then to the one that has waited longest', () => {
    const waiting = wishes('a@1 b@1 c@1');
    assert.equal(nextDownload(waiting, wishes('a@2 c@2'), COUNTS)?.taskId, 'b');
    assert.equal(nextDownload(waiting, wishes('a@2 b@2 c@2'), COUNTS)?.taskId, 'a');
  });

  test('are never more than the limit at a time, and all downloads end', async () => {
    const places = createDownloadPlaces({ all: 4, perHost: 3 });
    let running = 0;
    let most = 0;
    const { signal } = new AbortController();
    await Promise.all(
      Array.from({ length: 60 }, (_, n) =>
        places(
          { taskId: `task ${n % 7}`, host: `host ${n % 3}` },
          async () => {
            most = Math.max(most, ++running);
            await new Promise(setImmediate);
            running -= 1;
            if (n % 5 === 0) throw new Error('broken');
          },
          { signal, patienceMs: 60_000 },
        ).catch((error: unknown) => assert.match(String(error), /broken/)),
      ),
    );
    assert.equal(most, 4);
  });

  test('are waited for only so long: whoever gives up leaves the line and takes no place', async (t) => {
    const time = fakeTime(t);
    const places = createDownloadPlaces({ all: 2, perHost: 2 });
    const wish = { taskId: 'a', host: 'h' };
    const { signal } = new AbortController();
    const held = Promise.withResolvers<void>();
    const first = places(wish, () => held.promise, { signal, patienceMs: 2_000 });
    let began = false;
    const second = places(
      wish,
      async () => {
        began = true;
      },
      { signal, patienceMs: 2_000 },
    );
    await time.passing(assert.rejects(second, { code: 'waiting' }));
    assert.ok(time.now() >= 2_000);
    held.resolve();
    await first;
    assert.equal(began, false);
    assert.equal(await places(wish, async () => 'in', { signal, patienceMs: 0 }), 'in');
  });

  test('are no longer waited for by work that is stopped', async () => {
    const places = createDownloadPlaces({ all: 2, perHost: 2 });
    const wish = { taskId: 'a', host: 'h' };
    const held = Promise.withResolvers<void>();
    const stop = new AbortController();
    const options = { signal: stop.signal, patienceMs: 60_000 };
    const first = places(wish, () => held.promise, options);
    const second = places(wish, () => assert.fail('it began'), options);
    assert.deepEqual(places.usage(), { used: 1, limit: 2 });
    stop.abort(new Error('stopped'));
    await assert.rejects(second, /stopped/);
    held.resolve();
    await first;
    assert.deepEqual(places.usage(), { used: 0, limit: 2 });
  });
});
