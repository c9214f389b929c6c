import assert from 'node:assert/strict';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type Database, openDatabase } from '../../functions/adapters/sqlite/sqlite.ts';
import { guardDatabase } from '../../functions/hosts/guarded-database.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

const NO_REMOVAL = process.platform === 'win32' && 'an open file cannot be removed there';

describe('the task database of a running service', () => {
  for (const how of ['is removed', 'is renamed with its folder']) {
    test(`that ${how} takes no more work, and says what to do`, { skip: NO_REMOVAL }, async () => {
      await using dir = await tempDir();
      const data = join(dir.path, 'data');
      using database = guardDatabase(openDatabase(join(data, 'every-cut.sqlite')), data);
      const look = () => database.row<{ one: number }>('SELECT 1 AS one')?.one;
      assert.equal(database.transaction(look), 1);
      assert.equal(database.isBroken, false);
      if (how === 'is removed') await rm(join(data, 'every-cut.sqlite'));
      else await rename(data, join(dir.path, 'elsewhere'));
      assert.throws(
        () => database.transaction(look),
        /every-cut\.sqlite to stay .*, got none: .*Next step: /,
      );
      assert.match((await database.broken).message, /restore a back-up/);
      assert.equal(database.isBroken, true);
    });
  }

  test('that is replaced, as by a back-up, takes no more work, and says what to do', {
    skip: NO_REMOVAL,
  }, async () => {
    await using dir = await tempDir();
    const [path, backup] = ['every-cut.sqlite', 'back-up.sqlite'].map((name) => join(dir.path, name)) as [
      string,
      string,
    ];
    openDatabase(backup).close();
    using database = guardDatabase(openDatabase(path), dir.path);
    await rename(backup, path);
    const write = () => database.run(`INSERT INTO memos (id, value, used_at) VALUES ('a', 'b', 1)`);
    assert.throws(() => database.transaction(write), /every-cut\.sqlite to stay .*, got another file/);
    assert.match((await database.broken).message, /Next step: .*Restoring a back-up/);
  });

  test('that is removed while there is nothing to do is missed within a second or two', {
    skip: NO_REMOVAL,
  }, async () => {
    await using dir = await tempDir();
    using database = guardDatabase(openDatabase(join(dir.path, 'every-cut.sqlite')), dir.path);
    await rm(join(dir.path, 'every-cut.sqlite'));
    // The service's own timers do not keep a process alive.
    const alive = setInterval(() => {}, 1_000);
    assert.match((await database.broken).message, /got none/);
    clearInterval(alive);
  });

  test('that is damaged ends the service at the first error that says so', async () => {
    await using dir = await tempDir();
    const fails = (errcode: number) => () => {
      throw Object.assign(new Error('database disk image is malformed'), { errcode });
    };
    const closed = { close() {} } as Partial<Database> as Database;
    // SQLITE_CORRUPT_INDEX, and SQLITE_BUSY, which says nothing about the file.
    using damaged = guardDatabase({ ...closed, row: fails(11 | (3 << 8)) }, dir.path);
    using busy = guardDatabase({ ...closed, row: fails(5) }, dir.path);
    assert.throws(() => busy.row('SELECT 1'), { errcode: 5 });
    assert.equal(busy.isBroken, false);
    assert.throws(() => damaged.row('SELECT 1'), /got a damaged one \(.*malformed\)/);
    assert.match((await damaged.broken).message, /restore a back-up/);
  });
});
