/** What /readyz of one machine finds, with real files and a real database. */
import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { createDiskOutputs } from '../../functions/adapters/disk/outputs.ts';
import { createSqliteQueue } from '../../functions/adapters/sqlite/queue.ts';
import { openDatabase } from '../../functions/adapters/sqlite/sqlite.ts';
import { guardDatabase } from '../../functions/hosts/guarded-database.ts';
import { diskCheck, ffmpegCheck, queueCheck, storeCheck } from '../../functions/hosts/local-checks.ts';
import { startTestHost } from '../fixtures/hosts/host.ts';
import { HEADERS } from '../fixtures/hosts/security-headers.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';

const MB = 2 ** 20;
const GB = 2 ** 30;

describe('readiness on one machine', () => {
  let dir: TempDir;
  before(async () => {
    dir = await tempDir();
  });
  after(() => dir[Symbol.asyncDispose]());

  describe('of the store', () => {
    async function withStore(
      name: string,
      work: (path: string, database: ReturnType<typeof guardDatabase>) => Promise<void>,
    ): Promise<void> {
      const path = join(dir.path, name);
      using database = guardDatabase(openDatabase(join(path, 'every-cut.sqlite')), path);
      await work(join(path, 'every-cut.sqlite'), database);
    }

    test('is proved by reading, and by writing every ten seconds', () =>
      withStore('store', async (path, database) => {
        using other = new DatabaseSync(path);
        // Changes when another connection has written: https://sqlite.org/pragma.html#pragma_data_version
        const version = () => other.prepare('PRAGMA data_version').get()?.['data_version'];
        const clock = { ms: 0 };
        const check = storeCheck(database, () => clock.ms);
        const versions = [version()];
        for (const ms of [0, 9_999, 10_000]) {
          clock.ms = ms;
          assert.equal(await check.failing(), undefined);
          versions.push(version());
        }
        const changed = versions.slice(1).map((value, at) => value !== versions[at]);
        assert.deepEqual(changed, [true, false, true]);
        const { user_version } = other.prepare('PRAGMA user_version').get() as { user_version: number };
        assert.ok(user_version > 1, 'the schema keeps its version');
      }));

    test('fails where another program keeps it from being written', () =>
      withStore('locked', async (path, database) => {
        using other = new DatabaseSync(path);
        other.exec('BEGIN IMMEDIATE');
        const check = storeCheck(database);
        await assert.rejects(check.failing(), /locked/);
        other.exec('ROLLBACK');
        assert.equal(await check.failing(), undefined);
      }));

    test('fails once its file is gone', () =>
      withStore('gone', async (path, database) => {
        const check = storeCheck(database);
        await rm(path);
        await assert.rejects(check.failing());
        assert.match(String(await check.failing()), /damaged or gone/);
      }));
  });

  describe('of the disk', () => {
    const measured = (free: number, total: number) => async () => ({ free, total });

    test('needs room for work, as far as the size of the disk is known', async () => {
      const failing = (free: number, total: number) =>
        diskCheck({ dataDir: dir.path, output: undefined, measure: measured(free, total) }).failing();
      assert.equal(await failing(65 * MB, 100 * GB), undefined);
      assert.match(String(await failing(63 * MB, 100 * GB)), /^Expected at least 64 MB free .* got 63 MB\.$/);
      assert.equal(await failing(20 * MB, 512 * MB), undefined, 'a small disk');
      assert.match(String(await failing(15 * MB, 512 * MB)), /at least 16 MB/);
      assert.equal(await failing(0, 0), undefined, 'a disk that does not say how large it is');
      assert.doesNotMatch(String(await failing(0, GB)), /\//, 'no path');
    });

    test('needs a folder for videos that can be written, once there is one', async () => {
      const out = join(dir.path, 'videos');
      const { check: look } = createDiskOutputs({ dir: out });
      const check = diskCheck({ dataDir: dir.path, output: { dir: out, check: look } });
      assert.equal(await check.failing(), undefined, 'the first task makes it');
      await mkdir(out);
      assert.equal(await check.failing(), undefined);
      await rm(out, { recursive: true });
      await writeFile(out, 'in the way', { mode: 0o700 });
      await assert.rejects(check.failing(), { code: 'ENOTDIR' });
      await rm(out);
      await assert.rejects(check.failing(), { code: 'output_gone' });
    });

    test('looks at the disk of the videos, too', async () => {
      const out = join(dir.path, 'other-disk');
      await mkdir(out);
      const measure = async (folder: string) => ({ free: folder === out ? MB : GB, total: 100 * GB });
      const check = diskCheck({ dataDir: dir.path, output: { dir: out, check: async () => {} }, measure });
      assert.match(String(await check.failing()), /finished videos, got 1 MB/);
    });
  });

  test('of ffmpeg ends when its program is gone', async () => {
    const path = join(dir.path, 'ffmpeg');
    await writeFile(path, '', { mode: 0o700 });
    assert.equal(await ffmpegCheck(path).failing(), undefined);
    await rm(path);
    await assert.rejects(ffmpegCheck(path).failing(), { code: 'ENOENT' });
  });

  test('of the queue ends when ready messages wait for ten minutes and nothing is taken', async () => {
    const after = (ms: number) => queueCheck({ untouchedMs: () => ms }).failing();
    assert.equal(await after(599_999), undefined);
    assert.match(String(await after(605_000)), /within 600 s, got none begun for 605 s/);
  });

  test('of the queue counts from the first look at waiting messages to the next take', async () => {
    using database = openDatabase(join(dir.path, 'queue.sqlite'));
    const queue = createSqliteQueue({ database });
    assert.equal(queue.untouchedMs(), 0, 'without messages');
    const held = Promise.withResolvers<void>();
    const taken = Promise.withResolvers<void>();
    const consumer = queue.consume('complete', {
      concurrency: 1,
      handler: async () => {
        taken.resolve();
        await held.promise;
      },
    });
    await queue.publish([1, 2].map((n) => ({ topic: 'complete', taskId: `task-${n}` }) as const));
    /** Two looks; in between the event loop is kept busy, so that nothing is taken. */
    const twoLooks = () => {
      const first = queue.untouchedMs();
      const until = performance.now() + 15;
      while (performance.now() < until);
      return [first, queue.untouchedMs()] as const;
    };
    const [first, second] = twoLooks();
    assert.equal(first, 0);
    assert.ok(second >= 10, `${second} ms`);
    await taken.promise;
    assert.deepEqual(twoLooks(), [0, 0], 'one is in flight, however long it takes');
    held.resolve();
    await consumer.stop();
  });

  test('is answered by the host, without a key, and says nothing about the machine', async () => {
    await using host = await startTestHost(join(dir.path, 'host'), {
      API_KEY: 'a-key-of-sixteen-characters',
    });
    for (const path of ['/healthz', '/health']) {
      const answer = await fetch(`${host.url}${path}`);
      assert.equal(answer.status, 200);
      assert.match(JSON.stringify(await answer.json()), /^\{"status":"ok","version":"\d+\.\d+\.\d+"\}$/);
    }
    for (const path of ['/readyz', '/ready']) {
      const answer = await fetch(`${host.url}${path}`);
      assert.equal(answer.status, 200);
      for (const [name, value] of Object.entries(HEADERS)) assert.equal(answer.headers.get(name), value);
      const ok = { status: 'ok' };
      assert.deepEqual(await answer.json(), {
        status: 'ready',
        checks: { store: ok, disk: ok, ffmpeg: ok, queue: ok },
      });
    }
    const named = { headers: { 'x-request-id': 'mine-1' } };
    assert.equal((await fetch(`${host.url}/tasks/a`, named)).headers.get('x-request-id'), 'mine-1');
    assert.equal(host.logged('request.refused').at(-1)?.['request_id'], 'mine-1', 'and so does the log');
    await rm(host.outputDir, { recursive: true, force: true });
    await writeFile(host.outputDir, 'in the way', { mode: 0o600 });
    let answer = await fetch(`${host.url}/readyz`);
    for (const until = Date.now() + 10_000; answer.status === 200 && Date.now() < until; ) {
      answer = await fetch(`${host.url}/readyz`);
    }
    const text = await answer.text();
    assert.equal(answer.status, 503);
    assert.ok(Number(answer.headers.get('retry-after')) >= 1);
    assert.ok(!text.includes(dir.path) && !/EACCES|ENOTDIR|Error:/.test(text), text);
    assert.equal(JSON.parse(text).checks.disk.status, 'failed');
    assert.equal((await fetch(`${host.url}/healthz`)).status, 200, 'it still answers');
    assert.equal(host.logged('health.failing').length, 1);
  });
});
