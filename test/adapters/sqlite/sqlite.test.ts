import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { movedOutputs } from '../../../functions/adapters/disk/moved-outputs.ts';
import { ATTEMPTS_MEMORY_MS, MEMORY_MS } from '../../../functions/adapters/shared/memory.ts';
import { createSqliteAttempts } from '../../../functions/adapters/sqlite/attempts.ts';
import { removeCopies } from '../../../functions/adapters/sqlite/kept-copy.ts';
import { createSqliteLeases } from '../../../functions/adapters/sqlite/leases.ts';
import { createSqliteMemo } from '../../../functions/adapters/sqlite/memo.ts';
import { MIGRATIONS } from '../../../functions/adapters/sqlite/migrations.ts';
import { moveOutputs } from '../../../functions/adapters/sqlite/move-outputs.ts';
import { createSqlitePins } from '../../../functions/adapters/sqlite/pins.ts';
import { createSqliteProblems } from '../../../functions/adapters/sqlite/problems.ts';
import { createSqliteQueue } from '../../../functions/adapters/sqlite/queue.ts';
import { createSqliteReports } from '../../../functions/adapters/sqlite/reports.ts';
import { type Database, openDatabase } from '../../../functions/adapters/sqlite/sqlite.ts';
import { createSqliteTasks } from '../../../functions/adapters/sqlite/tasks.ts';
import { createSqliteUsage } from '../../../functions/adapters/sqlite/usage.ts';
import { createSqliteWebhooks } from '../../../functions/adapters/sqlite/webhooks.ts';
import { TransientError } from '../../../functions/base/errors.ts';
import type { Task } from '../../../functions/model/task.ts';
import { recallUrl } from '../../../functions/pipeline/known-url.ts';
import { attemptContract } from '../../contracts/attempts.ts';
import { leaseContract } from '../../contracts/leases.ts';
import { memoContract } from '../../contracts/memo.ts';
import { pinContract } from '../../contracts/pins.ts';
import { problemContract, sampleProblem } from '../../contracts/problems.ts';
import { reportContract } from '../../contracts/reports.ts';
import { samplePrepared, sampleReport, sampleTask } from '../../contracts/samples.ts';
import { taskListContract } from '../../contracts/task-list.ts';
import { taskContract } from '../../contracts/tasks.ts';
import { usageContract } from '../../contracts/usage.ts';
import { webhookContract } from '../../contracts/webhooks.ts';
import { FORGED_SEAL, SEAL } from '../../fixtures/system/seal.ts';
import { tempDir } from '../../fixtures/system/temp-dir.ts';

/** SHA-256 of the first six entries, as version 0.1.0 of the service has them. */
const RELEASED = '8960a018a80eb057ff60be3118af277768f259a86526c0bf633d53aac477bea6';

/** A database as an earlier build with that schema version left it. */
function oldDatabase(path: string, version: number): DatabaseSync {
  const old = new DatabaseSync(path);
  old.exec([...MIGRATIONS.slice(0, version), `PRAGMA user_version = ${version}`].join(';'));
  return old;
}

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

taskContract('sqlite', () =>
  on((database) => ({
    store: createSqliteTasks({ database, seal: SEAL }),
    forged: createSqliteTasks({ database, seal: FORGED_SEAL }),
    async copyBody(from: string, to: string) {
      database.run(
        'UPDATE tasks SET (body, seal) = (SELECT body, seal FROM tasks WHERE id = ?) WHERE id = ?',
        from,
        to,
      );
    },
  })),
);
taskListContract('sqlite', () =>
  on((database) => ({
    tasks: createSqliteTasks({ database, seal: SEAL }),
    reports: createSqliteReports({ database, seal: SEAL }),
    pins: createSqlitePins({ database }),
  })),
);
reportContract('sqlite', () =>
  on((database) => ({
    tasks: createSqliteTasks({ database, seal: SEAL }),
    reports: createSqliteReports({ database, seal: SEAL }),
    leases: createSqliteLeases({ database }),
    forged: createSqliteReports({ database, seal: FORGED_SEAL }),
  })),
);
pinContract('sqlite', () =>
  on((database) => ({
    tasks: createSqliteTasks({ database, seal: SEAL }),
    pins: createSqlitePins({ database }),
  })),
);
problemContract('sqlite', () =>
  on((database) => ({
    tasks: createSqliteTasks({ database, seal: SEAL }),
    problems: createSqliteProblems({ database }),
  })),
);
leaseContract('sqlite', () => on((database) => ({ store: createSqliteLeases({ database }) })));
attemptContract('sqlite', () => on((database) => ({ store: createSqliteAttempts({ database }) })));
memoContract('sqlite', () => on((database) => ({ store: createSqliteMemo({ database }) })));
usageContract('sqlite', () =>
  on((database) => ({ at: (now: number) => createSqliteUsage({ database, now: () => now }) })),
);
webhookContract('sqlite', () =>
  on((database) => ({
    store: createSqliteWebhooks({ database, seal: SEAL }),
    forged: createSqliteWebhooks({ database, seal: FORGED_SEAL }),
    async spoil(taskId: string, body: string) {
      database.run('UPDATE webhooks SET body = ? WHERE task_id = ?', body, taskId);
    },
  })),
);

describe('the sqlite database', () => {
  it('creates its folder, and keeps everything when it is closed and opened again', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'data', 'deep', 'db.sqlite');
    const task = sampleTask({ combinations: 1 });
    {
      using database = openDatabase(path);
      await createSqliteTasks({ database, seal: SEAL }).create(task);
      await createSqliteReports({ database, seal: SEAL }).report(task.id, sampleReport(1));
      await createSqliteReports({ database, seal: SEAL }).markCompletionPublished(task.id);
      await createSqlitePins({ database }).write(task.id, 'prepared-0', samplePrepared('zero'));
    }
    using database = openDatabase(path);
    assert.deepEqual(await createSqliteTasks({ database, seal: SEAL }).get(task.id), task);
    assert.equal(await createSqliteReports({ database, seal: SEAL }).report(task.id, sampleReport(1)), false);
    assert.equal(
      await createSqliteReports({ database, seal: SEAL }).claimCompletion(task.id, 1),
      'published',
    );
    assert.deepEqual(await createSqlitePins({ database }).read(task.id, ['prepared-0']), [
      samplePrepared('zero'),
    ]);
  });

  it('gives tasks of before a fileId, but does not use them: they have no seal', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'db.sqlite');
    const { fileId, ...task } = sampleTask();
    const { id } = task;
    {
      using old = oldDatabase(path, 4);
      old
        .prepare('INSERT INTO tasks (id, folder_id, id_start, body, combinations) VALUES (?, ?, ?, ?, ?)')
        .run(id, task.folder.id, id.slice(0, 6), JSON.stringify(task), task.plan.combinations.length);
    }
    using database = openDatabase(path);
    assert.equal(fileId, id);
    const row = database.row<{ body: string }>('SELECT body FROM tasks WHERE id = ?', id);
    assert.deepEqual(JSON.parse(row?.body ?? ''), { ...task, fileId });
    assert.equal(await createSqliteTasks({ database, seal: SEAL }).get(id), undefined);
  });

  it('migrates leases with counts, and ids and URLs, from the earlier schema', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'db.sqlite');
    const at = Date.now();
    {
      using old = oldDatabase(path, 6);
      const lease = old.prepare('INSERT INTO leases VALUES (?, ?, ?, ?, ?, ?, ?)');
      lease.run('died over', 'token', at - 1, at, 3, 2, 1);
      lease.run('released', 'token', null, at, 1, 0, 0);
      old.prepare('INSERT INTO ids VALUES (?, ?)').run('drive/file/x', 'id-x');
      old.prepare('INSERT INTO urls VALUES (?, ?, ?)').run('https://a/?s=secret', 'abc', '{"etag":"1"}');
    }
    using database = openDatabase(path);
    const [attempts, memo] = [createSqliteAttempts({ database }), createSqliteMemo({ database })];
    assert.deepEqual(await createSqliteLeases({ database }).read(['died over', 'released']), [
      'lapsed',
      'released',
    ]);
    assert.deepEqual(await attempts.read(['died over', 'released']), [
      { crashes: 2, failures: 1 },
      { crashes: 0, failures: 0 },
    ]);
    assert.deepEqual(await memo.recall(['drive/file/x']), ['id-x']);
    const known = { content: 'abc', validator: { etag: '1' } };
    assert.deepEqual(await recallUrl(memo, 'https://a/?s=secret'), known);
    assert.deepEqual(
      database.rows<{ id: string }>('SELECT id FROM memos').filter(({ id }) => !/^[0-9a-f]{64}$/.test(id)),
      [],
    );
  });

  it('survives a power cut: write-ahead log, synced at every commit', async () => {
    await using harness = await on((database) => ({ database }));
    assert.equal(harness.database.row<{ journal_mode: string }>('PRAGMA journal_mode')?.journal_mode, 'wal');
    const FULL = 2;
    assert.equal(harness.database.row<{ synchronous: number }>('PRAGMA synchronous')?.synchronous, FULL);
  });

  it('does not wait for the disk where a repetition does no harm, and only there', async () => {
    await using harness = await on((database) => ({ database }));
    const { database } = harness;
    const [NORMAL, FULL] = [1, 2];
    const level = () => database.row<{ synchronous: number }>('PRAGMA synchronous')?.synchronous;
    assert.equal(database.unsynced(level), NORMAL);
    assert.equal(level(), FULL);
    const failing = () => database.run('INSERT INTO nowhere VALUES (1)');
    assert.throws(() => database.unsynced(failing), /nowhere/);
    assert.equal(level(), FULL);
    assert.equal(
      database.transaction(() => database.unsynced(level)),
      FULL,
    );
    assert.equal(
      database.unsynced(() => database.transaction(level)),
      NORMAL,
    );
    assert.equal(level(), FULL);
  });

  it('refuses a file from a newer release, says what to do, and closes it', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'db.sqlite');
    using newer = new DatabaseSync(path);
    newer.exec('PRAGMA user_version = 99');
    newer.close();
    const refusal =
      /^Expected \S+db\.sqlite to have schema version \d+ or older, got 99: .* Next step: .* the back-up made/;
    assert.throws(() => openDatabase(path), { message: refusal });
    writeFileSync(`${path}.before-v99`, '');
    assert.throws(() => openDatabase(path), /restore \S+db\.sqlite\.before-v99, the copy/);
    assert.equal(existsSync(`${path}-wal`), false);
  });

  it('rolls back a failed transaction, and stays usable', async () => {
    await using harness = await on((database) => ({ database }));
    const { database } = harness;
    const insert = () => database.run("INSERT INTO memos VALUES ('id', 'value', 0)");
    assert.throws(
      () =>
        database.transaction(() => {
          insert();
          database.transaction(insert);
        }),
      /UNIQUE/,
    );
    assert.deepEqual(database.rows('SELECT * FROM memos'), []);
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
    await using harness = await on((database) => ({ database, memo: createSqliteMemo({ database }) }));
    harness.database.row('PRAGMA max_page_count = 1');
    await assert.rejects(
      harness.memo.remember('key', 'x'.repeat(1_000_000)),
      (error) => TransientError.is(error) && error.code === 'disk_full',
    );
    assert.deepEqual(await harness.memo.recall(['key']), [undefined]);
  });
});

describe('sqlite reports', () => {
  it('keeps no report of a task that is not stored', async () => {
    await using harness = await on((database) => ({
      reports: createSqliteReports({ database, seal: SEAL }),
    }));
    await assert.rejects(harness.reports.report('nobody', sampleReport(1)), /unknown id nobody/);
    assert.deepEqual(await harness.reports.list('nobody', 1, 9), []);
  });
});

describe('sqlite problems', () => {
  it('end with their task, whether it ends or is removed', async () => {
    await using harness = await on((database) => ({
      database,
      tasks: createSqliteTasks({ database, seal: SEAL }),
      problems: createSqliteProblems({ database }),
    }));
    const { database, tasks, problems } = harness;
    const all = ['a', 'b', 'c'].map((folder) => sampleTask({ folder }));
    for (const task of all) {
      await tasks.create(task);
      await problems.note(task.id, sampleProblem({ topic: 'complete' }, 1));
    }
    const [ended, removed, open] = all.map(({ id }) => id) as [string, string, string];
    await tasks.finish(ended);
    database.run('DELETE FROM tasks WHERE id = ?', removed);
    const kept = database.rows<{ id: string }>('SELECT task_id AS id FROM problems');
    assert.deepEqual(
      kept.map(({ id }) => id),
      [open],
    );
  });
});

describe('output folders that were moved', () => {
  it('are moved in tasks, reports and taken names, with their seals; what is elsewhere or forged stays', async () => {
    await using harness = await on((database) => ({ database }));
    const { database } = harness;
    const [tasks, reports] = [
      createSqliteTasks({ database, seal: SEAL }),
      createSqliteReports({ database, seal: SEAL }),
    ];
    const forged = createSqliteTasks({ database, seal: FORGED_SEAL });
    const taskIn = (id: string, more: Partial<Task['folder']> = {}) => {
      const task = sampleTask({ combinations: 2 });
      return { ...task, folder: { id, location: id, ...more } };
    };
    const spring = taskIn('/old/spring', { folders: { 'de/9x16': '/old/spring/de/9x16' } });
    const [other, deeper] = [taskIn('/older/spring'), taskIn('/old/deep/er')];
    const strange = taskIn('/old/strange');
    await tasks.create(spring, undefined, true);
    for (const task of [other, deeper]) await tasks.create(task);
    await forged.create(strange);
    // Its task is forgotten, its files are there.
    const summer = taskIn('/old/summer');
    await tasks.create(summer, undefined, true);
    await tasks.remove(summer.id);
    const cover = {
      kind: 'cover' as const,
      fileName: 'a_thumbnail.jpg',
      url: 'file:///old/spring/a_thumbnail.jpg',
      bytes: 1,
    };
    await reports.report(spring.id, sampleReport(1, { url: 'file:///old/spring/a%20b.mp4', files: [cover] }));
    await reports.report(spring.id, sampleReport(2, { status: 'failed', url: null }));

    const moved = moveOutputs({
      database,
      seal: SEAL,
      moves: movedOutputs('/old', '/new place'),
      folders: ['/old/summer', '/old/winter'],
    });
    assert.equal(moved, 1);
    const fresh = createSqliteTasks({ database, seal: SEAL });
    const folder = {
      id: '/new place/spring',
      location: '/new place/spring',
      folders: { 'de/9x16': '/new place/spring/de/9x16' },
    };
    assert.deepEqual(await fresh.get(spring.id), { ...spring, folder });
    for (const task of [other, deeper]) assert.deepEqual(await fresh.get(task.id), task);
    assert.equal(await fresh.get(strange.id), undefined);
    const [first, second] = await reports.list(spring.id, 1, 2);
    assert.equal(first?.url, 'file:///new%20place/spring/a%20b.mp4');
    assert.equal(first?.files?.[0]?.url, 'file:///new%20place/spring/a_thumbnail.jpg');
    assert.equal(second?.url, null);
    const taken = (id: string) => fresh.namesTaken({ id, location: id });
    assert.deepEqual(
      await Promise.all(
        ['/new place/spring', '/new place/summer', '/new place/winter', '/old/spring'].map(taken),
      ),
      [true, true, false, false],
    );
  });
});

describe('the copy from before a migration', () => {
  const entries = (dir: string) => readdirSync(dir).sort();
  const NOW = MIGRATIONS.length;

  it('is the database as it was, for its owner alone, and takes the place of an earlier one', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'db.sqlite');
    {
      using old = oldDatabase(path, 6);
      old.exec("PRAGMA journal_mode = WAL; INSERT INTO ids VALUES ('key', 'of before')");
      writeFileSync(`${path}.before-v${NOW - 1}`, 'an earlier one');
      writeFileSync(`${path}.before-v${NOW}.part`, 'left by an interrupted start');
      openDatabase(path).close();
    }
    assert.deepEqual(entries(dir.path), ['db.sqlite', `db.sqlite.before-v${NOW}`]);
    const kept = `${path}.before-v${NOW}`;
    assert.equal(statSync(kept).mode & 0o777, 0o600);
    {
      using copy = new DatabaseSync(kept, { readOnly: true });
      assert.equal(copy.prepare('PRAGMA user_version').get()?.['user_version'], 6);
      assert.deepEqual({ ...copy.prepare('SELECT id FROM ids').get() }, { id: 'of before' });
    }
    // In the place of the database, it is one that the earlier release, and this one, can open.
    renameSync(kept, path);
    using database = openDatabase(path);
    assert.equal(database.row<{ user_version: number }>('PRAGMA user_version')?.user_version, NOW);
  });

  it('is made neither of a new database nor of one that stays as it is', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'db.sqlite');
    openDatabase(path).close();
    openDatabase(path).close();
    assert.deepEqual(entries(dir.path), ['db.sqlite']);
  });

  it('is needed: where it cannot be made, nothing is migrated', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'db.sqlite');
    oldDatabase(path, 6).close();
    // A folder that is in the way stands for any error of the disk.
    mkdirSync(join(`${path}.before-v${NOW}`, 'in the way'), { recursive: true });
    assert.throws(() => openDatabase(path));
    using old = new DatabaseSync(path, { readOnly: true });
    assert.equal(old.prepare('PRAGMA user_version').get()?.['user_version'], 6);
  });

  it('goes when it is as old as tasks that are pruned', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'db.sqlite');
    const kept = `${path}.before-v2`;
    writeFileSync(kept, '');
    const { mtimeMs } = statSync(kept);
    removeCopies(path, mtimeMs);
    assert.deepEqual(entries(dir.path), ['db.sqlite.before-v2']);
    removeCopies(path, mtimeMs + 1);
    assert.deepEqual(entries(dir.path), []);
  });
});

describe('the migrations of the sqlite database', () => {
  it('are never edited once a database may have them', () => {
    const released = MIGRATIONS.slice(0, 6);
    assert.equal(createHash('sha256').update(JSON.stringify(released)).digest('hex'), RELEASED);
  });

  it('keep the dead letters that an older build could not handle', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'db.sqlite');
    const old = oldDatabase(path, 6);
    old.exec(`INSERT INTO messages (topic, state, task_id, body, available_at)
              VALUES ('dead-letter', 'parked', 'task', '{}', 0)`);
    old.close();
    using database = openDatabase(path);
    const queue = createSqliteQueue({ database });
    assert.equal(queue.counts()['dead-letter'].quarantined, 1);
  });
});

describe('sqlite leases', () => {
  it('lapse when a new host starts on the file, and the next holder learns that', async () => {
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
    assert.deepEqual(await leases.read(['held', 'released']), ['lapsed', 'released']);
    assert.equal((await leases.take('held', 60_000))?.previous, 'lapsed');
    assert.equal((await leases.take('released', 60_000))?.previous, 'released');
  });

  it('are forgotten an hour after the last change, unless still held', async () => {
    let at = 1_000_000;
    await using harness = await on((database) => ({
      leases: createSqliteLeases({ database, now: () => at }),
    }));
    const { leases } = harness;
    const released = await leases.take('released', MEMORY_MS);
    assert.ok(released);
    at += 1_000_000;
    await leases.release(released);
    await leases.take('lapsed', 1000);
    const renewed = await leases.take('renewed', 1000);
    assert.ok(renewed);
    await leases.renew(renewed, 2 * MEMORY_MS);
    at += MEMORY_MS;
    const keys = ['released', 'lapsed', 'renewed'];
    assert.deepEqual(await leases.read(keys), ['released', 'lapsed', 'held']);
    at += 1;
    assert.deepEqual(await leases.read(keys), ['none', 'lapsed', 'held'], 'a dead holder is never forgotten');
    assert.equal((await leases.take('released', 1000))?.previous, 'none');
    // The takeover itself still counts as a crash.
    assert.equal((await leases.take('lapsed', 1000))?.previous, 'lapsed');
  });

  it('are remembered from the last renewal on, so that long work is not forgotten while it lasts', async () => {
    let at = 1_000_000;
    await using harness = await on((database) => ({
      leases: createSqliteLeases({ database, now: () => at }),
    }));
    const { leases } = harness;
    const lease = await leases.take('long', MEMORY_MS);
    assert.ok(lease);
    for (let hour = 0; hour < 3; hour++) {
      at += MEMORY_MS - 1;
      assert.ok(await leases.renew(lease, MEMORY_MS / 2));
      at -= MEMORY_MS / 2;
    }
    at += MEMORY_MS;
    assert.deepEqual(await leases.read(['long']), ['lapsed']);
  });

  it('take no space once forgotten and released', async () => {
    let at = 1_000_000;
    await using harness = await on((database) => ({
      database,
      leases: createSqliteLeases({ database, now: () => at }),
    }));
    const { database, leases } = harness;
    const released = await leases.take('released', 1000);
    if (released) await leases.release(released);
    await leases.take('crashed', 1000);
    at += MEMORY_MS + 1;
    leases.lapseLeases();
    assert.deepEqual(
      database.rows<{ key: string }>('SELECT key FROM leases').map(({ key }) => key),
      ['crashed'],
    );
  });
});

describe('sqlite attempts', () => {
  const withClock = (clock: { at: number }) =>
    on((database) => ({ database, attempts: createSqliteAttempts({ database, now: () => clock.at }) }));

  it('are forgotten a day after the last change; rests end in time, and their rounds an hour after that', async () => {
    const clock = { at: 1_000_000 };
    await using harness = await withClock(clock);
    const { attempts } = harness;
    await attempts.record('counted', 'crash');
    await attempts.rest('rested', 1000);
    clock.at += 999;
    assert.deepEqual(await attempts.resting(['rested']), [true]);
    clock.at += 1;
    assert.deepEqual(await attempts.resting(['rested']), [false]);
    clock.at += MEMORY_MS - 1000;
    assert.deepEqual(await attempts.read(['counted']), [{ crashes: 1, failures: 0 }]);
    assert.equal(await attempts.rest('rested', 2 * MEMORY_MS), 2);
    clock.at += 2 * MEMORY_MS - 1;
    assert.deepEqual(await attempts.resting(['rested']), [true]);
    clock.at += MEMORY_MS + 1;
    assert.equal(await attempts.rest('rested', 1000), 3);
    clock.at += MEMORY_MS + 1001;
    assert.equal(await attempts.rest('rested', 1000), 1);
    // Work may run for hours before each crash.
    assert.deepEqual(await attempts.record('counted', 'crash'), { crashes: 2, failures: 0 });
    clock.at += ATTEMPTS_MEMORY_MS;
    assert.deepEqual(await attempts.read(['counted']), [{ crashes: 2, failures: 0 }]);
    clock.at += 1;
    assert.deepEqual(await attempts.read(['counted']), [{ crashes: 0, failures: 0 }]);
    assert.deepEqual(await attempts.record('counted', 'failure'), { crashes: 0, failures: 1 });
  });

  it('end their rests when a new host starts, and continue to count rounds', async () => {
    const clock = { at: 1_000_000 };
    await using harness = await withClock(clock);
    const { attempts } = harness;
    await attempts.record('rested', 'crash');
    await attempts.rest('rested', 60_000);
    attempts.endRests();
    assert.deepEqual(await attempts.resting(['rested']), [false]);
    assert.deepEqual(await attempts.read(['rested']), [{ crashes: 1, failures: 0 }]);
    assert.equal(await attempts.rest('rested', 60_000), 2);
  });

  it('take no space once forgotten', async () => {
    const clock = { at: 1_000_000 };
    await using harness = await withClock(clock);
    await harness.attempts.record('old', 'crash');
    clock.at += ATTEMPTS_MEMORY_MS + 1;
    await harness.attempts.record('new', 'crash');
    harness.attempts.endRests();
    assert.deepEqual(
      harness.database.rows<{ key: string }>('SELECT key FROM attempts').map(({ key }) => key),
      ['new'],
    );
  });
});
