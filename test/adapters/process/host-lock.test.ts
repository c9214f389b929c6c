import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { acquireHostLock, HostLockedError } from '../../../functions/adapters/process/host-lock.ts';
import { tempDir } from '../../fixtures/system/temp-dir.ts';

const MODULE = pathToFileURL(
  join(import.meta.dirname, '../../../functions/adapters/process/host-lock.ts'),
).href;
const IMPORT = `import { acquireHostLock } from ${JSON.stringify(MODULE)};`;

const take = (dir: string, waitMs = 0) => acquireHostLock({ dir, waitMs });

/** Another process that holds the lock until it is killed. */
async function holder(dir: string) {
  const script = `${IMPORT} await acquireHostLock({ dir: ${JSON.stringify(dir)}, waitMs: 0 });
    console.log('held'); setInterval(() => globalThis.gc(), 50);`;
  const args = ['--expose-gc', '--input-type=module-typescript', '-e', script];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return {
    pid: child.pid as number,
    async kill() {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

describe('the lock of a data folder', () => {
  it('is held by one host at a time, also within one process', async () => {
    await using dir = await tempDir();
    const first = await take(dir.path);
    for (let tries = 0; tries < 3; tries++) await assert.rejects(take(dir.path), HostLockedError.is);
    first[Symbol.dispose]();
    using second = await take(dir.path);
    first[Symbol.dispose]();
    await assert.rejects(
      take(dir.path),
      HostLockedError.is,
      'disposing of the first lock again changes nothing',
    );
    void second;
  });

  it('keeps other processes out, however often its own process was refused', async () => {
    await using dir = await tempDir();
    using _lock = await take(dir.path);
    await assert.rejects(take(dir.path), HostLockedError.is);
    const script = `${IMPORT} await acquireHostLock({ dir: ${JSON.stringify(dir.path)}, waitMs: 0 });`;
    const other = promisify(execFile)(process.execPath, ['--input-type=module-typescript', '-e', script]);
    await assert.rejects(other, /HostLockedError/);
  });

  it('says who holds it, since when, and what to do', async () => {
    await using dir = await tempDir();
    using _lock = await take(dir.path);
    await assert.rejects(take(dir.path), (error: Error) => {
      assert.ok(error.message.includes(`process ${process.pid} on `), error.message);
      assert.ok(error.message.includes(dir.path));
      assert.match(error.message, /since \d{4}-\d\d-\d\dT.*Stop it, or set another DATA_DIR/);
      return true;
    });
  });

  it('is held as long as its holder lives, and free at once when it is killed', async () => {
    await using dir = await tempDir();
    const other = await holder(dir.path);
    await assert.rejects(take(dir.path, 300), new RegExp(`process ${other.pid} on `));
    await other.kill();
    assert.ok(existsSync(join(dir.path, 'host.json')), 'the holder file is still there');
    using _lock = await take(dir.path);
    assert.equal(JSON.parse(await readFile(join(dir.path, 'host.json'), 'utf8')).pid, process.pid);
  });

  it('is waited for without blocking the event loop, and reported once', async () => {
    await using dir = await tempDir();
    const first = await take(dir.path);
    const told: string[] = [];
    let ticks = 0;
    const ticking = setInterval(() => ticks++, 10);
    setTimeout(() => first[Symbol.dispose](), 500);
    using _lock = await acquireHostLock({
      dir: dir.path,
      waitMs: 30_000,
      onWait: (who) => told.push(who),
    });
    clearInterval(ticking);
    assert.equal(told.length, 1);
    assert.match(told[0] ?? '', new RegExp(`process ${process.pid} `));
    assert.ok(ticks > 5, `${ticks} ticks`);
  });

  it('creates the folder, and leaves only an empty file in it', async () => {
    await using dir = await tempDir();
    const inner = join(dir.path, 'a', 'b');
    (await take(inner))[Symbol.dispose]();
    assert.deepEqual(await readdir(inner), ['host.lock']);
    assert.equal((await readFile(join(inner, 'host.lock'))).length, 0);
  });

  it('does not wait if the folder is unusable', async () => {
    await using dir = await tempDir();
    await writeFile(join(dir.path, 'file'), 'text');
    await assert.rejects(take(join(dir.path, 'file'), 60_000), { code: 'EEXIST' });
    await writeFile(join(dir.path, 'host.lock'), 'not a database, but long enough to be read'.repeat(50));
    await assert.rejects(take(dir.path, 60_000), /not a database/);
  });

  it('says so if the folder cannot be created', {
    skip: process.platform !== 'linux' && 'needs /proc',
  }, async () => {
    await assert.rejects(take('/proc/none/such', 60_000), { code: 'ENOENT' });
  });
});
