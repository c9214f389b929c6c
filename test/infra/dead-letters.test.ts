/** npm run dead-letters, on the data of a host that has given up some work. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import type { WorkMessage } from '../../functions/model/messages.ts';
import { until } from '../contracts/harness.ts';
import { startTestHost } from '../fixtures/hosts/host.ts';
import { makeClip } from '../fixtures/media/finished.ts';
import { startSourceServer } from '../fixtures/network/source-server.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);
/** As npm runs it. */
const SCRIPT = ['--require=./infra/build/compile-cache.cjs', 'infra/operations/dead-letters.ts'];

describe('the dead letters of a host', { timeout: 120_000 }, () => {
  test('are listed while it runs; the work of those that are set aside is done after a replay', async () => {
    await using dir = await tempDir();
    const clip = {
      body: await readFile(await makeClip(join(dir.path, 'red.mp4'), { colour: 'red', frames: 5 })),
    };
    const hanging = { ...clip, always: { does: 'hang' } } as const;
    await using sources = await startSourceServer({ '/one.mp4': hanging, '/two.mp4': hanging });
    const env = { DATA_DIR: join(dir.path, 'data'), OUTPUT_DIR: join(dir.path, 'output') };
    const letters = async (...args: string[]) => {
      const { PATH, HOME } = process.env;
      const script = [...SCRIPT, ...args];
      return (await run(process.execPath, script, { cwd: ROOT, env: { PATH, HOME, ...env } })).stdout;
    };
    const request = (name: string) => ({
      task_name: name,
      video_blocks: { hooks: [sources.url(`/${name}.mp4`)] },
      output: { width: 64, height: 64, fps: 30 },
    });
    /** Turns the waiting message of that task's source into a dead letter, as the queue does it. */
    const giveUp = (taskId: string, state: 'parked' | 'waiting') => {
      using database = new DatabaseSync(join(env.DATA_DIR, 'every-cut.sqlite'));
      const message: WorkMessage = { topic: 'prepare', taskId, source: 0 };
      const letter = { topic: 'dead-letter', taskId, message, reason: 'the\u001b[31m disk broke' };
      const { changes } = database
        .prepare(
          "UPDATE messages SET topic = 'dead-letter', state = ?, body = ? WHERE topic = 'prepare' AND task_id = ?",
        )
        .run(state, JSON.stringify(letter), taskId);
      assert.equal(changes, 1);
    };

    const ids: string[] = [];
    {
      await using host = await startTestHost(dir.path, env);
      for (const name of ['one', 'two']) ids.push(String((await host.post(request(name))).body['task_id']));
      await until(() => sources.count() === 2, 'both downloads');
    }
    const [one, two] = ids as [string, string];
    giveUp(one, 'parked');
    giveUp(two, 'waiting');
    const before = await letters('list');
    assert.match(
      before,
      new RegExp(`^1 message set aside.*\n {2}${one} "one": the clip "one"\\. the.* disk broke\n`),
    );
    assert.match(before, new RegExp(`\n1 message about to be recorded as failures\n {2}${two} "two"`));
    assert.ok(!before.includes('\u001b'), 'no text of strangers controls the terminal');
    for (const name of ['one', 'two']) sources.set(`/${name}.mp4`, clip);
    {
      await using host = await startTestHost(dir.path, env);
      assert.equal((await host.end(two)).status['failed'], 1);
      const running = await letters('list');
      assert.match(
        running,
        /^1 message set aside[^\n]*\n[^\n]*\n[^\n]*stop the service, npm run dead-letters -- replay/,
      );
      assert.match(
        running,
        new RegExp(
          `\n1 task with videos that failed as undeliverable\n {2}${two} "two": 1 \\(POST /tasks/${two}/retry`,
        ),
      );
      await assert.rejects(letters('replay'), {
        code: 1,
        stderr: /Expected no other running service .* Stop it/,
      });
      assert.equal((await host.retry(two)).status['succeeded'], 1);
      assert.equal((await host.get(`/tasks/${one}`))['completed_at'], null);
    }
    const began = Date.now();
    assert.equal(await letters('replay', '--task', two), '0 messages put back into the queue.\n');
    assert.equal(await letters('replay'), '1 message put back into the queue. Start the service.\n');
    {
      using database = new DatabaseSync(join(env.DATA_DIR, 'every-cut.sqlite'));
      const { deliveries, age } = database
        .prepare(
          "SELECT deliveries, unixepoch() * 1000 - published_at AS age FROM messages WHERE task_id = ? AND topic = 'prepare'",
        )
        .get(one) as { deliveries: number; age: number };
      assert.equal(deliveries, 0);
      // Since it was replayed, not since it was published.
      assert.ok(age < Date.now() - began);
    }
    await using host = await startTestHost(dir.path, env);
    assert.equal((await host.end(one)).status['succeeded'], 1);
    assert.match(await letters('list'), /^0 messages set aside/);
  });

  test('are told apart from wrong commands and folders, which are refused', async () => {
    await using dir = await tempDir();
    const env = { PATH: process.env['PATH'], DATA_DIR: dir.path };
    const fails = (args: string[], stderr: RegExp) =>
      assert.rejects(run(process.execPath, [...SCRIPT, ...args], { cwd: ROOT, env }), {
        code: 1,
        stderr,
      });
    await fails([], /Expected list or replay, got nothing\.\nnpm run dead-letters -- list/);
    await fails(['replay', 'all'], /Expected list or replay, got replay all/);
    await fails(['list'], /Expected the task database .* got no file\. Next step: set DATA_DIR/);
  });
});
