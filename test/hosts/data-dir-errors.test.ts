import assert from 'node:assert/strict';
import { copyFile, mkdir, open, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { createLog } from '../../functions/base/log.ts';
import { loadConfig } from '../../functions/config/config.ts';
import { explained } from '../../functions/hosts/data-dir-errors.ts';
import { composeLocal } from '../../functions/hosts/local-adapters.ts';
import { sampleTask } from '../contracts/samples.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

const DATABASE = 'every-cut.sqlite';
/** The first page has the version; the others are damaged. */
const PAGE = 4096;
const LOG = createLog({ level: 'error', pretty: false, write: () => {} });

/** What a start finds, and the words in which it says so: the file, and what to do. */
const STARTS: Record<string, [(dir: string) => Promise<unknown>, RegExp]> = {
  'a file of another kind in place of the database': [
    (dir) => writeFile(join(dir, DATABASE), 'hello world\n'.repeat(500)),
    /every-cut\.sqlite to be an SQLite database, got a file of another kind\. Next step: .*restore a back-up/,
  ],
  'a database with damaged pages': [
    async (dir) => {
      const file = await open(join(dir, DATABASE), 'r+');
      const { size } = await file.stat();
      await file.write(Buffer.alloc(size - PAGE, 0xff), 0, size - PAGE, PAGE);
      await file.close();
    },
    /every-cut\.sqlite to be a whole SQLite database, got a damaged one \(.+\)\. Next step: .*restore a back-up/,
  ],
  'a database that was emptied': [
    async (dir) => {
      await truncate(join(dir, DATABASE));
      for (const end of ['-wal', '-shm']) await rm(join(dir, `${DATABASE}${end}`), { force: true });
    },
    /every-cut\.sqlite to hold the tasks of before, got an empty file of 0 bytes\. Next step: /,
  ],
  'a database of a newer release': [
    async (dir) => {
      using database = new DatabaseSync(join(dir, DATABASE));
      database.exec('PRAGMA user_version = 99');
    },
    /got 99: a newer release wrote it\. Next step: start that release again; or, .* restore the back-up made before/,
  ],
  'a folder in place of the database': [
    async (dir) => {
      await rm(join(dir, DATABASE));
      await mkdir(join(dir, DATABASE));
    },
    /got a folder named every-cut\.sqlite where a file belongs\. Next step: move it away/,
  ],
  'a file in place of a folder': [
    (dir) => writeFile(join(dir, 'artifacts'), ''),
    /artifacts to be a folder, got a file\. Next step: move it away, or set another DATA_DIR/,
  ],
  'no signing key, but tasks that need one': [
    (dir) => rm(join(dir, 'signing.key')),
    /key of 43 characters that seals 1 task of before in .*signing\.key, got none\. Next step: restore it from a back-up/,
  ],
  'an empty signing key, and tasks that need one': [
    (dir) => truncate(join(dir, 'signing.key')),
    /seals 1 task of before in .*signing\.key, got none/,
  ],
  'half a signing key': [
    (dir) => truncate(join(dir, 'signing.key'), 20),
    /in .*signing\.key, got one of 20 characters\. Next step: restore it/,
  ],
};

describe('a start', () => {
  const start = async (dataDir: string, outputDir: string) =>
    composeLocal(loadConfig({ DATA_DIR: dataDir, OUTPUT_DIR: outputDir }), LOG);

  test('with a damaged DATA_DIR says what happened, to which file, and what to do', async () => {
    await using dir = await tempDir();
    const output = join(dir.path, 'output');
    const used = join(dir.path, 'used');
    {
      await using service = await start(used, output);
      await service.deps.tasks.create(sampleTask());
    }
    for (const [what, [damage, words]] of Object.entries(STARTS)) {
      const data = join(dir.path, what);
      await mkdir(data);
      for (const name of [DATABASE, 'signing.key']) await copyFile(join(used, name), join(data, name));
      await damage(data);
      await assert.rejects(start(data, output), words, what);
    }
    await using again = await start(used, output);
    assert.deepEqual([again.resumed.tasks, again.resumed.videos], [1, sampleTask().plan.combinations.length]);
  });

  test('with a file in place of DATA_DIR says so', async () => {
    await using dir = await tempDir();
    await writeFile(join(dir.path, 'data'), '');
    await assert.rejects(
      start(join(dir.path, 'data'), dir.path),
      /got a file\. Next step: move it away, or set another/,
    );
  });

  test('forgets all tasks if the database is removed, as the documents say', async () => {
    await using dir = await tempDir();
    const data = join(dir.path, 'data');
    {
      await using service = await start(data, dir.path);
      await service.deps.tasks.create(sampleTask());
    }
    await rm(join(data, DATABASE));
    await using again = await start(data, dir.path);
    assert.equal(again.resumed.tasks, 0);
  });
});

describe('errors about DATA_DIR', () => {
  const full = Object.assign(new Error('database or disk is full'), { errcode: 13 });
  const noSpace = Object.assign(new Error('ENOSPC: no space left on device'), {
    code: 'ENOSPC',
    syscall: 'write',
  });

  for (const error of [full, noSpace]) {
    test(`say that the disk is full: ${error.message}`, () => {
      const said = explained('/data', 'host.json', error)?.message ?? '';
      assert.match(
        said,
        /room on the disk of DATA_DIR \(\/data\), got none: it is full\. Next step: free space/,
      );
    });
  }

  test('say whose the folder is, and who runs the service', {
    skip: process.getuid === undefined && 'Windows has other permissions',
  }, async (t) => {
    await using dir = await tempDir();
    const owner = process.getuid?.() ?? 0;
    t.mock.method(process as { getuid: () => number }, 'getuid', () => owner + 1);
    const error = Object.assign(new Error('unable to open database file'), { errcode: 14 });
    const said = explained(dir.path, 'host.lock', error)?.message ?? '';
    assert.match(
      said,
      new RegExp(`of user ${owner}, while the service runs as user ${owner + 1} .*chown -R ${owner + 1}`),
    );
  });

  test('name the disk where it fails to read or write', () => {
    const io = Object.assign(new Error('disk I/O error'), { errcode: 10 | (4 << 8) });
    assert.match(
      explained('/data', DATABASE, io)?.message ?? '',
      /got: disk I\/O error\. Next step: check the disk/,
    );
  });

  test('are passed on if they are about something else', () => {
    assert.equal(explained('/data', DATABASE, new TypeError('x is not a function')), undefined);
  });
});
