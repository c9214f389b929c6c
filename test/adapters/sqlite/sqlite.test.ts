import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { createSqliteIds } from '../../../functions/adapters/sqlite/ids.ts';
import { createSqliteLeases } from '../../../functions/adapters/sqlite/leases.ts';
import { createSqlitePins } from '../../../functions/adapters/sqlite/pins.ts';
import { createSqliteReports } from '../../../functions/adapters/sqlite/reports.ts';
import { type Database, openDatabase } from '../../../functions/adapters/sqlite/sqlite.ts';
import { createSqliteTasks } from '../../../functions/adapters/sqlite/tasks.ts';
import { createSqliteUrls } from '../../../functions/adapters/sqlite/urls.ts';
import { TransientError } from '../../../functions/base/errors.ts';
import { LEASE_MEMORY_MS } from '../../../functions/ports.ts';
import { idContract } from '../../contracts/ids.ts';
import { leaseContract } from '../../contracts/leases.ts';
import { pinContract } from '../../contracts/pins.ts';
import { reportContract } from '../../contracts/reports.ts';
import { samplePrepared, sampleReport, sampleTask } from '../../contracts/samples.ts';
import { taskContract } from '../../contracts/tasks.ts';
import { urlContract } from '../../contracts/urls.ts';
import { tempDir } from '../../fixtures/system/temp-dir.ts';

/** Creates an adapter on a new database file. */
async function on<T extends object>(build: (database: Database) => T): Promise<T & AsyncDisposable> {
  const dir = await tempDir();
  const database = openDatabase(join(dir.path, 'db.sqlite'));
  return {
    ...build(database),
    async [Symbol.asyncDispose]() {
      database.close();
      await dir[Symbol.asyncDispose]();
    },
  };
}

taskContract('sqlite', () => on((database) => ({ store: createSqliteTasks({ database }) })));
reportContract('sqlite', () =>
  on((database) => ({ tasks: createSqliteTasks({ database }), reports: createSqliteReports({ database }) })),
);
pinContract('sqlite', () =>
  on((database) => ({ tasks: createSqliteTasks({ database }), pins: createSqlitePins({ database }) })),
);
leaseContract('sqlite', () => on((database) => ({ store: createSqliteLeases({ database }) })));
idContract('sqlite', () => on((database) => ({ store: createSqliteIds({ database }) })));
urlContract('sqlite', () => on((database) => ({ store: createSqliteUrls({ database }) })));

describe('the sqlite database', () => {
  it('creates its folder, and keeps everything when it is closed and opened again', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'data', 'deep', 'db.sqlite');
    const task = sampleTask({ combinations: 1 });
    {
      using database = openDatabase(path);
      await createSqliteTasks({ database }).create(task);
      await createSqliteReports({ database }).report(task.id, sampleReport(1));
      await createSqliteReports({ database }).markCompletionPublished(task.id);
      await createSqlitePins({ database }).write(task.id, 'prepared-0', samplePrepared('zero'));
    }
    using database = openDatabase(path);
    assert.deepEqual(await createSqliteTasks({ database }).get(task.id), task);
    assert.equal(await createSqliteReports({ database }).report(task.id, sampleReport(1)), false);
    assert.equal(await createSqliteReports({ database }).claimCompletion(task.id, 1), 'published');
    assert.deepEqual(await createSqlitePins({ database }).read(task.id, ['prepared-0']), [
      samplePrepared('zero'),
    ]);
  });

  it('reads tasks that were stored before a retry could have its files named after another one', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'db.sqlite');
    const task = sampleTask();
    {
      using database = openDatabase(path);
      await createSqliteTasks({ database }).create(task);
      database.run(`UPDATE tasks SET body = json_remove(body, '$.fileId')`);
      database.run('DROP TABLE ids');
      database.run('PRAGMA user_version = 4');
    }
    using database = openDatabase(path);
    assert.deepEqual(await createSqliteTasks({ database }).get(task.id), task);
  });

  it('survives a power cut: write-ahead log, synced at every commit', async () => {
    await using harness = await on((database) => ({ database }));
    assert.equal(harness.database.row<{ journal_mode: string }>('PRAGMA journal_mode')?.journal_mode, 'wal');
    const FULL = 2;
    assert.equal(harness.database.row<{ synchronous: number }>('PRAGMA synchronous')?.synchronous, FULL);
  });

  it('refuses a file from a newer release, and closes it', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'db.sqlite');
    using newer = new DatabaseSync(path);
    newer.exec('PRAGMA user_version = 99');
    newer.close();
    assert.throws(() => openDatabase(path), /version \d+ or older, got 99/);
    assert.equal(existsSync(`${path}-wal`), false);
  });

  it('rolls back a failed transaction, and stays usable', async () => {
    await using harness = await on((database) => ({ database }));
    const { database } = harness;
    const insert = () => database.run("INSERT INTO urls VALUES ('url', 'content', '{}')");
    assert.throws(
      () =>
        database.transaction(() => {
          insert();
          database.transaction(insert);
        }),
      /UNIQUE/,
    );
    assert.deepEqual(database.rows('SELECT * FROM urls'), []);
    assert.equal(database.transaction(insert), 1);
  });

  it('refuses a transaction that spans an await', async () => {
    await using harness = await on((database) => ({ database }));
    assert.throws(() => harness.database.transaction(async () => {}), /await/);
    assert.equal(
      harness.database.transaction(() => 1),
      1,
    );
  });

  it('treats a full disk as transient', async () => {
    await using harness = await on((database) => ({ database, urls: createSqliteUrls({ database }) }));
    harness.database.row('PRAGMA max_page_count = 1');
    await assert.rejects(
      harness.urls.remember('url', 'x'.repeat(1_000_000), {}),
      (error) => TransientError.is(error) && error.code === 'disk_full',
    );
    assert.equal(await harness.urls.recall('url'), undefined);
  });
});

describe('sqlite reports', () => {
  it('keeps no report of a task that is not stored', async () => {
    await using harness = await on((database) => ({ reports: createSqliteReports({ database }) }));
    await assert.rejects(harness.reports.report('nobody', sampleReport(1)), /unknown id nobody/);
    assert.deepEqual(await harness.reports.list('nobody', 1, 9), []);
  });
});

describe('sqlite pins', () => {
  it('leave no listener behind, however a wait ends', async () => {
    await using harness = await on((database) => ({ pins: createSqlitePins({ database }) }));
    const { signal } = new AbortController();
    const wait = (timeoutMs: number) => harness.pins.wait('task', ['prepared-0'], { timeoutMs, signal });
    await wait(1);
    const waiting = wait(60_000);
    await harness.pins.write('task', 'prepared-0', samplePrepared('zero'));
    await waiting;
    await wait(60_000);
    assert.deepEqual(getEventListeners(signal, 'abort'), []);
  });

  it('rejects a wait when the database fails', async () => {
    await using harness = await on((database) => ({ database, pins: createSqlitePins({ database }) }));
    const { signal } = new AbortController();
    const waiting = harness.pins.wait('task', ['prepared-0'], { timeoutMs: 10, signal });
    harness.database.close();
    await assert.rejects(waiting);
    assert.deepEqual(getEventListeners(signal, 'abort'), []);
  });
});

describe('sqlite leases', () => {
  it('lapse when a new host starts on the file, and count as crashed when taken', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'db.sqlite');
    {
      using database = openDatabase(path);
      const dead = createSqliteLeases({ database });
      await dead.take('held', 60_000);
      const released = await dead.take('released', 60_000);
      if (released) await dead.release(released);
    }
    using database = openDatabase(path);
    const leases = createSqliteLeases({ database });
    assert.equal(await leases.take('held', 60_000), undefined);
    assert.equal(leases.lapseLeases(), 1);
    const held = await leases.take('held', 60_000);
    assert.deepEqual([held?.takes, held?.crashes], [2, 1]);
    const released = await leases.take('released', 60_000);
    assert.deepEqual([released?.takes, released?.crashes], [2, 0]);
  });

  it('forget their counts an hour after the last take or renewal, unless still held', async () => {
    let at = 1_000_000;
    await using harness = await on((database) => ({
      leases: createSqliteLeases({ database, now: () => at }),
    }));
    const { leases } = harness;
    for (const key of ['lapsed', 'renewed']) {
      await leases.take(key, 1000);
      at += 1001;
    }
    const renewed = await leases.take('renewed', 1000);
    assert.ok(renewed);
    await leases.renew(renewed, 2 * LEASE_MEMORY_MS);
    at += LEASE_MEMORY_MS - 2002;
    const before = await leases.read(['lapsed', 'renewed']);
    assert.deepEqual(before, [
      { held: false, takes: 1, crashes: 0, failures: 0 },
      { held: true, takes: 2, crashes: 1, failures: 0 },
    ]);
    at += 2003;
    assert.deepEqual(await leases.read(['lapsed', 'renewed']), [
      { held: false, takes: 0, crashes: 0, failures: 0 },
      { held: true, takes: 2, crashes: 1, failures: 0 },
    ]);
    // The takeover itself is a crash all the same.
    const lapsed = await leases.take('lapsed', 1000);
    assert.deepEqual([lapsed?.takes, lapsed?.crashes], [1, 1]);
  });

  it('remember their counts from the last renewal on: long work is not forgotten while it lasts', async () => {
    let at = 1_000_000;
    await using harness = await on((database) => ({
      leases: createSqliteLeases({ database, now: () => at }),
    }));
    const { leases } = harness;
    await leases.take('long', 1000);
    at += 1001;
    const lease = await leases.take('long', LEASE_MEMORY_MS);
    assert.ok(lease);
    for (let hour = 0; hour < 3; hour++) {
      at += LEASE_MEMORY_MS - 1;
      assert.ok(await leases.renew(lease, LEASE_MEMORY_MS / 2));
      at -= LEASE_MEMORY_MS / 2;
    }
    at += LEASE_MEMORY_MS;
    const next = await leases.take('long', 1000);
    assert.deepEqual([next?.takes, next?.crashes], [3, 2]);
  });

  it('take no room once forgotten and released', async () => {
    let at = 1_000_000;
    await using harness = await on((database) => ({
      database,
      leases: createSqliteLeases({ database, now: () => at }),
    }));
    const { database, leases } = harness;
    const released = await leases.take('released', 1000);
    if (released) await leases.release(released);
    await leases.take('crashed', 1000);
    at += LEASE_MEMORY_MS + 1;
    leases.lapseLeases();
    assert.deepEqual(
      database.rows<{ key: string }>('SELECT key FROM leases').map(({ key }) => key),
      ['crashed'],
    );
  });
});
