/** The single-machine host when the npm that started it ends, which npm does not report to its children. */
import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../contracts/harness.ts';
import { entries, isAlive, NODE, NPM } from '../fixtures/hosts/host-process.ts';
import {
  AT_A_TIME,
  assertFinishes,
  assertNothingLeft,
  place,
  type Sale,
  SKIP,
  startSale,
} from '../fixtures/hosts/restarting.ts';

/** Longer than the host takes to notice that its launcher is gone. */
const UNNOTICED_MS = 2_500;
const BASH = '/bin/bash';

describe('the single-machine host and its npm', { skip: SKIP, concurrency: AT_A_TIME }, () => {
  let sale: Sale;

  before(async () => {
    sale = await startSale();
  });

  after(() => sale?.[Symbol.asyncDispose]());

  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    test(`${signal} to npm: an immediate npm start continues, and finished videos stay untouched`, async (t) => {
      await using here = await place();
      const first = here.start({ command: NPM });
      const hostPid = await first.started();
      assert.notEqual(hostPid, first.pid);
      await here.ffmpeg.hang('mix', 3);
      const taskId = await first.post(sale.request);
      const mixing = await here.ffmpeg.hanging(2);
      await until(async () => (await first.status(taskId))['succeeded'] === 3, 'three finished videos');
      const folder = String((await first.status(taskId))['output_folder']);
      const stamps = () =>
        entries(folder)
          .filter((name) => name.endsWith('.mp4'))
          .map((name) => ({ name, file: statSync(join(folder, name)) }))
          .map(({ name, file: { ino, mtimeMs } }) => ({ name, ino, mtimeMs }));
      const finished = stamps();
      assert.equal(finished.length, 3);

      process.kill(first.pid, signal);
      const begun = performance.now();
      await here.ffmpeg.release();
      const second = here.start({ command: NPM });
      await second.started();
      t.diagnostic(
        `from the end of npm to the next host that listens: ${(performance.now() - begun).toFixed(0)} ms`,
      );
      // It has released its lock, and may be just about to exit.
      await until(() => !isAlive(hostPid), 'the end of the first host');
      assert.deepEqual(mixing.filter(isAlive), []);
      assert.equal(first.logged('host.stopping')[0]?.['launcher'], 'gone');
      await assertFinishes(second, taskId);
      assert.deepEqual(first.logged('task.completed'), []);
      const after = stamps();
      for (const file of finished)
        assert.deepEqual(
          after.find(({ name }) => name === file.name),
          file,
        );
    });
  }

  test('started without npm it outlives its parent, even inside an npm script', async () => {
    await using here = await place();
    const command = ['sh', '-c', `${NODE.map((part) => `'${part}'`).join(' ')} & wait`];
    const host = here.start({ command, env: { npm_lifecycle_event: 'test' } });
    const hostPid = await host.started();
    process.kill(host.pid, 'SIGKILL');
    await host.ended();
    await pause(UNNOTICED_MS);
    assert.ok(isAlive(hostPid));
    await assertFinishes(host, await host.post(sale.request));
  });

  test('started by npm without a shell in between, it ends with npm and with no other process', {
    skip: existsSync(BASH) ? false : 'needs a shell that execs the last command',
  }, async () => {
    await using here = await place();
    const pidFile = join(here.path, 'npm.pid');
    const command = ['sh', '-c', `${NPM.join(' ')} --script-shell=${BASH} & echo $! > '${pidFile}'; wait`];
    const host = here.start({ command });
    const hostPid = await host.started();
    const npm = Number(await readFile(pidFile, 'utf8'));
    process.kill(host.pid, 'SIGKILL');
    await host.ended();
    await pause(UNNOTICED_MS);
    assert.ok(isAlive(hostPid), 'the shell that started npm is gone, but npm is not');
    process.kill(npm, 'SIGKILL');
    await until(() => !isAlive(hostPid), 'the end of the host');
    assertNothingLeft(host.dataDir);
  });
});
