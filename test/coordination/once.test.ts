import assert from 'node:assert/strict';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSqliteAttempts } from '../../functions/adapters/sqlite/attempts.ts';
import { createSqliteLeases } from '../../functions/adapters/sqlite/leases.ts';
import { type Database, openDatabase } from '../../functions/adapters/sqlite/sqlite.ts';
import { PermanentError, TransientError } from '../../functions/base/errors.ts';
import { byOneMessage, leasedSemaphore, type OnceOptions, once } from '../../functions/coordination/once.ts';
import { type Semaphore, UNLIMITED } from '../../functions/coordination/semaphore.ts';
import type { Attempts } from '../../functions/model/attempts.ts';
import type { AttemptStore } from '../../functions/ports/attempts.ts';
import type { LeaseStore } from '../../functions/ports/leases.ts';
import { until } from '../contracts/harness.ts';
import { fakeTime } from '../fixtures/system/fake-time.ts';
import { sleepingMachine } from '../fixtures/system/sleeping-machine.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';
import { measureHere } from '../fixtures/telemetry/scrape.ts';

describe('once', () => {
  let dir: TempDir;
  let database: Database;
  let leases: LeaseStore;
  let attempts: AttemptStore;
  const { signal } = new AbortController();

  beforeEach(async () => {
    dir = await tempDir();
    database = openDatabase(join(dir.path, 'test.sqlite'));
    leases = createSqliteLeases({ database });
    attempts = createSqliteAttempts({ database });
  });
  afterEach(async () => {
    database.close();
    await dir[Symbol.asyncDispose]();
  });

  const state = async () => (await leases.read(['key']))[0];
  const counts = async () => (await attempts.read(['key']))[0];
  const NONE = { crashes: 0, failures: 0 };

  test('creates the result once for ten concurrent callers, and returns it to all', async () => {
    let result: number | undefined;
    let made = 0;
    const wanted = Array.from({ length: 10 }, () =>
      once<number>({
        leases,
        key: 'key',
        signal,
        find: async () => result,
        async create() {
          made += 1;
          await sleep(50);
          result = 42;
          return result;
        },
      }),
    );
    assert.deepEqual(await Promise.all(wanted), Array(10).fill(42));
    assert.equal(made, 1);
    assert.equal(await state(), 'released');
  });

  for (const monotonic of ['stands', 'jumps'] as const) {
    test(`keeps the lease over five sleeps of two days, however many wait for it: the clock ${monotonic}`, async (t) => {
      const machine = sleepingMachine(t, monotonic);
      const own = createSqliteLeases({ database });
      let result: number | undefined;
      let made = 0;
      const wanted = Array.from({ length: 5 }, () =>
        once<number>({
          leases: { ...own, pollMs: 1 },
          attempts,
          key: 'key',
          signal,
          find: async () => result,
          async create(_, held) {
            made += 1;
            for (let sleeps = 0; sleeps < 5; sleeps++) {
              machine.sleep(48 * 3_600_000);
              await sleep(20);
              held.throwIfAborted();
            }
            result = 42;
            return result;
          },
        }),
      );
      assert.deepEqual(await Promise.all(wanted), Array(5).fill(42));
      assert.deepEqual([made, await counts()], [1, NONE]);
    });
  }

  test('looks for the result again under the lease, because another process may have created it meanwhile', async () => {
    let looks = 0;
    const find = async () => (++looks === 1 ? undefined : 'theirs');
    const create = () => Promise.reject(new Error('made twice'));
    assert.equal(await once<string>({ leases, key: 'key', signal, find, create }), 'theirs');
  });

  test('keeps the lease alive for as long as the work lasts', async (t) => {
    const time = fakeTime(t);
    const own = createSqliteLeases({ database, now: time.now });
    const working = once({
      leases: own,
      key: 'key',
      signal,
      ttlMs: 600,
      find: async () => undefined,
      create: async () => sleep(2000, 'done'),
    });
    await time.passing(sleep(1500));
    assert.equal(await own.take('key', 1000), undefined, 'still held after more than twice its time');
    assert.equal(await time.passing(working), 'done');
  });

  test('stops the work when the lease is lost, and leaves the new holder alone', async () => {
    const lost = { ...leases, renew: async () => false };
    const working = once({
      leases: lost,
      attempts,
      key: 'key',
      signal,
      ttlMs: 150,
      find: async () => undefined,
      create: (_lease, held) => sleep(30_000, 'done', { signal: held }),
    });
    await assert.rejects(working, (error: Error) => (error.cause as TransientError).code === 'lease_lost');
    assert.deepEqual(await counts(), NONE);
  });

  test('survives renewals that fail for a moment, and counts no crash', async (t) => {
    const time = fakeTime(t);
    const own = createSqliteLeases({ database, now: time.now });
    let asked = 0;
    const flaky: LeaseStore = {
      ...own,
      renew: async (...args) => {
        asked += 1;
        if (asked % 3 !== 0) throw new TransientError('platform_unavailable', 'no');
        return own.renew(...args);
      },
    };
    const working = once({
      leases: flaky,
      attempts,
      key: 'key',
      signal,
      ttlMs: 900,
      find: async () => undefined,
      create: (_lease, held) => sleep(2_500, 'done', { signal: held }),
    });
    assert.equal(await time.passing(working), 'done');
    assert.ok(asked >= 3);
    assert.deepEqual([await own.read(['key']), await counts()], [['released'], NONE]);
  });

  const failing = (code: 'disk_full' | 'platform_unavailable') => async () => {
    throw new TransientError(code, 'no');
  };
  const losses: [what: string, renew: LeaseStore['renew'], told: string][] = [
    ['the store does not answer', () => new Promise(() => {}), 'lease_lost'],
    ['renewals fail at once with disk_full', failing('disk_full'), 'disk_full'],
    ['renewals fail at once with platform_unavailable', failing('platform_unavailable'), 'lease_lost'],
  ];
  for (const [what, renew, told] of losses) {
    test(`stops the work before the lease expires if ${what}, as ${told}, and counts no crash`, async (t) => {
      const time = fakeTime(t);
      const own = createSqliteLeases({ database, now: time.now });
      const working = once({
        leases: { ...own, renew },
        attempts,
        key: 'key',
        signal,
        ttlMs: 1_000,
        find: async () => undefined,
        create: (_lease, held) => sleep(30_000, 'done', { signal: held }),
      });
      await assert.rejects(
        time.passing(working),
        (error: Error) => (error.cause as TransientError).code === told,
      );
      assert.ok(time.now() < 1_000, `${time.now()} ms`);
      assert.deepEqual([await own.read(['key']), await counts()], [['released'], NONE]);
    });
  }

  test('returns the result even if the lease cannot be released', async () => {
    const stuck: LeaseStore = { ...leases, release: () => Promise.reject(new Error('no')) };
    const made = await once({
      leases: stuck,
      key: 'key',
      signal,
      find: async () => undefined,
      create: async () => 1,
    });
    assert.equal(made, 1);
  });

  test('a release that fails is no crash: five in a row count nothing, while a process that dies counts', async (t) => {
    const time = fakeTime(t);
    const own = createSqliteLeases({ database, now: time.now });
    const away = () => Promise.reject(new TransientError('platform_unavailable', 'no'));
    for (let round = 0; round < 5; round++) {
      const stuck: LeaseStore = { ...own, release: away };
      assert.deepEqual(await time.passing(before({ leases: stuck })), NONE, `round ${round}`);
      await time.passing(sleep(own.ttlMs));
      assert.deepEqual(await own.read(['key']), ['lapsed']);
    }
    assert.deepEqual([await time.passing(before({ leases: own })), await counts()], [NONE, NONE]);
    await own.take('key', 1_000);
    await time.passing(sleep(1_000));
    assert.deepEqual(await time.passing(before({ leases: own })), { crashes: 1, failures: 0 });
  });

  test('a lease whose release failed for a moment is released before it lapses', async (t) => {
    const time = fakeTime(t);
    const own = createSqliteLeases({ database, now: time.now });
    let tries = 0;
    const flaky: LeaseStore = {
      ...own,
      release: (lease) =>
        ++tries <= 3 ? Promise.reject(new TransientError('platform_unavailable', 'no')) : own.release(lease),
    };
    await time.passing(before({ leases: flaky }));
    assert.deepEqual(await own.read(['key']), ['held']);
    await time.passing(sleep(10_000));
    assert.deepEqual([await own.read(['key']), tries], [['released'], 4]);
  });

  test('a crash that was counted while the store was away from its holder is taken back', async (t) => {
    const time = fakeTime(t);
    const own = createSqliteLeases({ database, now: time.now });
    let isAway = true;
    const reached = <T>(call: () => Promise<T>): Promise<T> =>
      isAway ? Promise.reject(new TransientError('platform_unavailable', 'no')) : call();
    const cutOff = {
      leases: { ...own, release: (lease) => reached(() => own.release(lease)) } satisfies LeaseStore,
      attempts: {
        ...attempts,
        forgive: (...args: Parameters<AttemptStore['forgive']>) => reached(() => attempts.forgive(...args)),
      },
    };
    await time.passing(before(cutOff));
    await time.passing(sleep(own.ttlMs));
    assert.deepEqual(await time.passing(before({ leases: own })), { crashes: 1, failures: 0 });
    isAway = false;
    await time.passing(sleep(5_000));
    assert.deepEqual(await counts(), NONE);
  });

  test('does not keep trying to take a lease that is held', async () => {
    await leases.take('key', 60_000);
    let takes = 0;
    const counted: LeaseStore = {
      ...leases,
      pollMs: 20,
      take: (...args) => {
        takes += 1;
        return leases.take(...args);
      },
    };
    const waiting = once({
      leases: counted,
      key: 'key',
      signal,
      patienceMs: 300,
      find: async () => undefined,
      create: async () => 1,
    });
    await assert.rejects(waiting, (error) => TransientError.is(error) && error.code === 'waiting');
    assert.equal(takes, 1);
  });

  test('fails as waiting when a living holder outlasts its patience', async () => {
    await leases.take('key', 60_000);
    const waiting = once({
      leases,
      key: 'key',
      signal,
      patienceMs: 100,
      find: async () => undefined,
      create: async () => 1,
    });
    await assert.rejects(waiting, (error) => TransientError.is(error) && error.code === 'waiting');
  });

  test('takes over from a holder that died', async () => {
    await leases.take('key', 100);
    assert.deepEqual(await before(), { crashes: 1, failures: 0 });
    assert.deepEqual(await counts(), { crashes: 1, failures: 0 });
    assert.deepEqual(await before(), { crashes: 1, failures: 0 }, 'a crash is counted once');
  });

  /** Returns the attempts that the work receives. */
  const before = (change: Partial<OnceOptions<Attempts>> = {}) =>
    once<Attempts>({
      leases,
      attempts,
      key: 'key',
      signal,
      find: async () => undefined,
      create: async (known) => known,
      ...change,
    });

  test('counts a crash before the work begins', async () => {
    await leases.take('key', 1);
    await sleep(5);
    let counted: unknown;
    await before({
      create: async (known) => {
        counted = await counts();
        return known;
      },
    });
    assert.deepEqual(counted, { crashes: 1, failures: 0 });
  });

  test('counts nothing without an attempt store', async () => {
    await leases.take('key', 1);
    await sleep(5);
    const made = once({
      leases,
      key: 'key',
      signal,
      find: async () => undefined,
      create: () => Promise.reject(new TypeError('no')),
    });
    await assert.rejects(made, TypeError);
    assert.deepEqual(await counts(), NONE);
  });

  test('reads no attempts if the lease was never taken', async () => {
    const unasked = () => assert.fail('asked');
    assert.deepEqual(await before({ attempts: { ...attempts, read: unasked, record: unasked } }), NONE);
    const asked: string[] = [];
    const read: AttemptStore['read'] = (keys) => {
      asked.push(...keys);
      return attempts.read(keys);
    };
    await before({ attempts: { ...attempts, read } });
    assert.deepEqual(asked, ['key'], 'after that they are read once');
  });

  test('lets the lease lapse if a crash or a failure cannot be counted', async () => {
    const away: AttemptStore = {
      ...attempts,
      record: () => Promise.reject(new TransientError('platform_unavailable', 'no')),
    };
    let at = Date.now();
    const clocked = createSqliteLeases({ database, now: () => at });
    const lapses = async () => {
      assert.deepEqual(await clocked.read(['key']), ['held']);
      at += clocked.ttlMs;
      assert.deepEqual(await clocked.read(['key']), ['lapsed']);
    };
    const error = new TypeError('no');
    const failing = before({ leases: clocked, attempts: away, create: () => Promise.reject(error) });
    await assert.rejects(failing, error, 'the error of the work is what counts');
    await lapses();
    await assert.rejects(before({ leases: clocked, attempts: away }), { code: 'platform_unavailable' });
    await lapses();
    assert.deepEqual(await before({ leases: clocked }), { crashes: 1, failures: 0 });
  });

  test('waits for the semaphore before it takes the lease', async () => {
    const room = Promise.withResolvers<void>();
    const semaphore: Semaphore = async (work) => {
      await room.promise;
      return UNLIMITED(work);
    };
    const working = once({
      leases,
      key: 'key',
      signal,
      semaphore,
      find: async () => undefined,
      create: async () => 'done',
    });
    await sleep(20);
    assert.equal(await state(), 'none');
    room.resolve();
    assert.equal(await working, 'done');
  });

  const ends: [what: string, error: Error, failures: number][] = [
    ['is unexpected', new TypeError('no'), 1],
    ['is ffmpeg being killed', new TransientError('ffmpeg_killed', 'no'), 1],
    ['is transient', new TransientError('network', 'no'), 0],
    ['is permanent', new PermanentError('no_video', 'probe', 'no'), 0],
  ];
  for (const [what, error, failures] of ends) {
    test(`an error that ${what} counts ${failures} failures`, async () => {
      await assert.rejects(before({ create: () => Promise.reject(error) }), error);
      assert.deepEqual([await state(), await counts()], ['released', { crashes: 0, failures }]);
      assert.deepEqual(await before(), { crashes: 0, failures });
    });
  }

  for (const [where, others] of [
    ['in the same process', () => leases],
    ['in another process', () => createSqliteLeases({ database })],
  ] as const) {
    test(`lets one message do the work: those ${where} end at once, and the same one is handed back until it is done`, async () => {
      const done = Promise.withResolvers<void>();
      const begun = Promise.withResolvers<void>();
      let result: string | undefined;
      const work = (messageId: string | undefined, store: LeaseStore) =>
        byOneMessage<string>({
          leases: store,
          attempts,
          key: 'key',
          messageId,
          signal,
          find: async () => result,
          async create() {
            begun.resolve();
            await done.promise;
            result = 'made';
            return result;
          },
        });
      const first = work('7', leases);
      await begun.promise;
      const other = others();
      assert.equal(await work('8', other), undefined);
      for (const same of ['7', undefined]) await assert.rejects(work(same, other), { code: 'waiting' });
      done.resolve();
      assert.equal(await first, 'made');
      for (const any of ['7', '8', undefined]) assert.equal(await work(any, other), 'made');
    });
  }

  test('hands back the message of a process that has died, also while another one waits for room in this process', async () => {
    await leases.take('key', 60_000, '7');
    const looking = Promise.withResolvers<undefined>();
    const work = (messageId: string) =>
      byOneMessage<string>({
        ...{ leases, key: 'key', messageId, signal },
        find: () => looking.promise,
        create: () => assert.fail('made beside the holder'),
      });
    const other = work('8');
    // If it were left to 8, which is then left to 7, none of them would come again.
    await assert.rejects(work('7'), { code: 'waiting' });
    looking.resolve(undefined);
    assert.equal(await other, undefined);
  });

  test('waits for no room while another process is at it', async () => {
    await leases.take('key', 60_000, '7');
    const work = byOneMessage<string>({
      ...{ leases: createSqliteLeases({ database }), key: 'key', messageId: '8', signal },
      room: () => assert.fail('asked for room'),
      find: async () => undefined,
      create: () => assert.fail('made twice'),
    });
    assert.equal(await work, undefined);
  });

  test('looks for no result and no room while another message waits for room in this process', async () => {
    const room = Promise.withResolvers<void>();
    const asked: string[] = [];
    const work = (messageId: string) =>
      byOneMessage<string>({
        ...{ leases, key: 'key', messageId, signal },
        room: () => async (enter) => {
          await room.promise;
          return enter(() => {});
        },
        async find() {
          asked.push(messageId);
          return undefined;
        },
        create: async () => 'made',
      });
    const first = work('7');
    assert.equal(await work('8'), undefined);
    await assert.rejects(work('7'), { code: 'waiting' });
    room.resolve();
    assert.equal(await first, 'made');
    assert.deepEqual(asked, ['7', '7']);
    assert.equal(await work('8'), 'made');
  });

  test('hands a message back while the lease has a holder without a name, as an older release leaves it', async () => {
    await leases.take('key', 60_000);
    const find = async () => undefined;
    const waiting = byOneMessage({
      ...{ leases, key: 'key', messageId: '7', signal },
      find,
      create: async () => 1,
    });
    await assert.rejects(waiting, { code: 'waiting' });
  });

  test('gives few places to work of all processes, and measures how long each waited for one', async () => {
    await using measured = await measureHere();
    const waited = async (suffix: 'count' | 'sum') =>
      (await measured.read()).sum(`every_cut_stage_duration_seconds_${suffix}`, {
        ...{ every_cut_stage: 'place_wait', every_cut_kind: 'speaker' },
      });
    const semaphore = leasedSemaphore(
      leases,
      (place) => `place ${place}`,
      () => 1,
      signal,
      'speaker',
    );
    const first = Promise.withResolvers<void>();
    const seen: string[] = [];
    const works = [
      semaphore(async () => {
        seen.push('first');
        await first.promise;
      }),
      semaphore(async () => void seen.push('second')),
    ];
    await until(() => seen.length === 1, 'the first');
    assert.equal(await waited('count'), 1);
    const began = performance.now();
    await sleep(2 * leases.pollMs);
    const atLeast = (performance.now() - began) / 1000;
    first.resolve();
    await Promise.all(works);
    assert.deepEqual(seen, ['first', 'second']);
    assert.equal(await waited('count'), 2);
    assert.ok((await waited('sum')) >= atLeast);
  });
});
