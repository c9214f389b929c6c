import assert from 'node:assert/strict';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { createSqliteAttempts } from '../../functions/adapters/sqlite/attempts.ts';
import { createSqliteMemo } from '../../functions/adapters/sqlite/memo.ts';
import { type Database, openDatabase } from '../../functions/adapters/sqlite/sqlite.ts';
import { TransientError } from '../../functions/base/errors.ts';
import { paceKey } from '../../functions/coordination/lease-keys.ts';
import { createSharedPace } from '../../functions/coordination/shared-pace.ts';
import type { AttemptStore } from '../../functions/ports/attempts.ts';
import type { Memo } from '../../functions/ports/memo.ts';
import { fakeTime } from '../fixtures/system/fake-time.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';

const MINUTE = 60_000;

describe('a shared pace', () => {
  const { signal } = new AbortController();
  let dir: TempDir;
  let database: Database;
  let at: () => number;
  let memo: Memo;
  let attempts: AttemptStore;

  beforeEach(async () => {
    dir = await tempDir();
    database = openDatabase(join(dir.path, 'test.sqlite'));
    const began = Date.now();
    at = () => began;
    memo = createSqliteMemo({ database, now: () => at() });
    attempts = createSqliteAttempts({ database, now: () => at() });
  });
  afterEach(async () => {
    database.close();
    await dir[Symbol.asyncDispose]();
  });

  /** As in a process of its own. */
  const process = (lowered: number[] = []) =>
    createSharedPace({
      memo,
      attempts,
      name: 'vendor',
      now: () => at(),
      onLowered: (perSecond) => lowered.push(perSecond),
    });

  test('lets everyone through until the vendor refuses, and writes nothing', async () => {
    const pace = process();
    await Promise.all(Array.from({ length: 500 }, () => pace.turn(signal)));
    assert.deepEqual(await memo.recall([paceKey('vendor')]), [undefined]);
    assert.deepEqual(database.rows('SELECT key FROM attempts'), []);
  });

  test('is kept by all processes together', async (t) => {
    const time = fakeTime(t);
    const began = at();
    at = () => began + time.now();
    const [one, two] = [process(), process()];
    await one.refused();
    const turns: number[] = [];
    const sent = Promise.all(
      Array.from({ length: 30 }, async (_, number) => {
        await (number % 2 === 0 ? one : two).turn(signal);
        turns.push(time.now());
      }),
    );
    await time.passing(sent);
    // Three a second, a little more with each second, and places that are found free at random.
    const inTenSeconds = turns.filter((turn) => turn < 10_000).length;
    assert.ok(inTenSeconds >= 15 && inTenSeconds <= 40, `${inTenSeconds} in ten seconds`);
    for (let from = 0; from < 9_000; from += 1_000) {
      const within = turns.filter((turn) => turn >= from && turn < from + 1_000).length;
      assert.ok(within <= 8, `${within} in one second`);
    }
  });

  test('is halved by each further refusal, once for those that were under way, and never ends', async () => {
    const began = at();
    const lowered: number[] = [];
    const processes = [process(lowered), process(lowered), process(lowered)];
    for (let round = 0; round < 8; round++) {
      at = () => began + round * 3_000;
      for (const pace of processes) await pace.refused();
    }
    assert.equal(lowered.length, 8);
    for (const [number, rate] of lowered.slice(1).entries()) {
      const before = lowered[number] as number;
      assert.ok(rate < 0.6 * before || rate === 0.1, `${rate} after ${before}`);
    }
    assert.equal(lowered.at(-1), 0.1);
  });

  test('grows again by itself, until nobody waits any more', async (t) => {
    const began = at();
    const pace = process();
    await pace.refused();
    at = () => began + 4 * MINUTE;
    await Promise.all(Array.from({ length: 100 }, () => pace.turn(signal)));
    // The next refusal does not begin at what nobody measured.
    const lowered: number[] = [];
    await process(lowered).refused();
    assert.deepEqual(lowered, [3]);
    t.diagnostic('100 at once after four minutes');
  });

  test('goes by what another process has lowered after a few seconds', async () => {
    const began = at();
    const [one, two] = [process(), process()];
    await two.turn(signal);
    await one.refused();
    await Promise.all(Array.from({ length: 50 }, () => two.turn(signal)));
    at = () => began + 6_000;
    const stop = new AbortController();
    const turns = Array.from({ length: 50 }, () => two.turn(stop.signal));
    setTimeout(() => stop.abort(new Error('the host stops')), 50);
    const ends = await Promise.allSettled(turns);
    const through = ends.filter(({ status }) => status === 'fulfilled').length;
    assert.ok(through >= 1 && through <= 8, `${through} at once`);
  });

  test('ends when the clock is set back to long before it began', async () => {
    const lowered: number[] = [];
    const pace = process(lowered);
    await pace.refused();
    const began = at();
    at = () => began - 86_400_000;
    await Promise.all(Array.from({ length: 100 }, () => pace.turn(signal)));
    await pace.refused();
    assert.deepEqual(lowered, [3, 3], 'and begins anew');
  });

  test('lets everyone through while the store is away, or its record is damaged', async () => {
    await memo.remember(paceKey('vendor'), '{"perSecond":"x"}');
    await process().turn(signal);
    const away = () => Promise.reject(new TransientError('platform_unavailable', 'no answer'));
    const pace = createSharedPace({ memo: { ...memo, recall: away }, attempts, name: 'vendor' });
    await pace.turn(signal);
  });
});
