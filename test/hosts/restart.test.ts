/**
 * The single-machine host as real processes that are stopped, killed and started again.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { openDatabase } from '../../functions/adapters/sqlite/sqlite.ts';
import { notedAddress } from '../../functions/hosts/address-note.ts';
import { until } from '../contracts/harness.ts';
import { entries, isAlive } from '../fixtures/hosts/host-process.ts';
import {
  AT_A_TIME,
  assertFinishes,
  assertNothingLeft,
  place,
  type Sale,
  SKIP,
  startSale,
} from '../fixtures/hosts/restarting.ts';
import { otherDisk } from '../fixtures/system/other-disk.ts';
import { sampled } from '../fixtures/system/sample.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

describe('the single-machine host, stopped or killed and started again', {
  skip: SKIP,
  concurrency: AT_A_TIME,
}, () => {
  let sale: Sale;

  before(async () => {
    sale = await startSale();
  });

  after(() => sale?.[Symbol.asyncDispose]());

  test('refuses a folder that another host uses: names its pid, exits with 1, and disturbs nothing', async () => {
    await using here = await place();
    const first = here.start();
    const pid = await first.started();
    const second = here.start();
    assert.deepEqual(await second.ended(), { code: 1, signal: null });
    const page = String(first.logged('host.started')[0]?.['page']);
    assert.equal(notedAddress(first), page);
    assert.match(
      second.complaints(),
      new RegExp(
        `^Expected no other running service to use DATA_DIR .*process ${pid} on .*Stop it, or set .* It listens on ${page}\\.$`,
        'm',
      ),
    );
    assert.equal(second.logged('host.waiting').length, 1, 'the reason for waiting is logged at once');
    await assertFinishes(first, await first.post(sale.request));
  });

  test('killed while it encodes: the next host kills the encoder, cleans up and continues', async (t) => {
    await using here = await place();
    await using other = (await otherDisk(here.path)) ?? (await tempDir());
    const env = { OUTPUT_DIR: other.path };
    const first = here.start({ env });
    await first.started();
    await here.ffmpeg.hang('conform');
    const taskId = await first.post(sale.request);
    const [encoder = 0] = await here.ffmpeg.hanging(1);
    process.kill(first.pid, 'SIGKILL');
    await first.ended();
    assert.ok(isAlive(encoder), 'the encoder outlives its host');
    const [work = ''] = entries(join(first.dataDir, 'tmp'));
    assert.match(work, /^work-/);

    const folder = join(other.path, 'sale');
    const short = taskId.slice(0, 6);
    const own = [`.0001-red-green-blue-${short}.mp4.0123abcd.part`, `.manifest-${short}.json.ffffffff.part`];
    const foreign = [
      '.0001-red-green-blue-abcdef.mp4.0123abcd.part',
      '.mine.part',
      `.0001-${short}.mp4.01234567.part`,
    ];
    for (const name of [...own, ...foreign]) await writeFile(join(folder, name), 'half');
    const incoming = join(first.dataDir, 'artifacts', '.incoming', crypto.randomUUID());
    await mkdir(incoming, { recursive: true });
    await writeFile(join(first.dataDir, 'tmp', 'note.txt'), 'not ours');

    await here.ffmpeg.release();
    const begun = performance.now();
    const second = here.start({ env });
    await second.started();
    t.diagnostic(`from start to listening: ${(performance.now() - begun).toFixed(0)} ms`);
    assert.equal(isAlive(encoder), false);
    const { children_ended, folders_swept, parts_removed } = second.logged('host.cleared')[0] ?? {};
    assert.deepEqual([children_ended, parts_removed], [1, 2]);
    assert.ok((folders_swept as number) >= 2);
    assert.equal(existsSync(incoming), false);
    await assertFinishes(second, taskId, 2);
    assert.deepEqual((await readdir(folder)).filter((name) => name.startsWith('.')).sort(), foreign.sort());
    assert.deepEqual(entries(join(first.dataDir, 'tmp')), ['note.txt']);
    assert.deepEqual(first.logged('task.completed'), []);
  });

  for (const signal of sampled(['SIGINT', 'SIGTERM', 'SIGHUP'] as const, 3, 'signals')) {
    test(`${signal} while it mixes: ends cleanly within seconds, and the next host continues`, async () => {
      await using here = await place();
      const first = here.start();
      await first.started();
      await here.ffmpeg.hang('mix', 3);
      const taskId = await first.post(sale.request);
      const mixing = await here.ffmpeg.hanging(2);
      // Ctrl-C reaches every process in the terminal, and npm passes it on to its children once more.
      if (signal === 'SIGINT') {
        first.interrupt();
        // Well before it has ended: Node takes its handlers away just before it exits.
        await pause(10);
        first.interrupt();
      } else process.kill(first.pid, signal);
      assert.deepEqual(await first.ended(), { code: 0, signal: null }, first.complaints());
      assert.equal(first.complaints(), '');
      assert.deepEqual(
        first.logged('host.stopping').map((line) => line['signal']),
        [signal],
      );
      assert.deepEqual(
        first
          .logged('message.handed_back')
          .filter((line) => line['topic'] === 'render' && line['severity'] !== 'DEBUG'),
        [],
      );
      assert.deepEqual(mixing.filter(isAlive), [], 'ffmpeg');
      assertNothingLeft(first.dataDir);
      {
        using database = openDatabase(join(first.dataDir, 'every-cut.sqlite'));
        const counted = database.rows('SELECT * FROM messages WHERE deliveries > 0 OR state <> ?', 'waiting');
        assert.deepEqual(counted, [], 'messages that counted a delivery');
      }
      await here.ffmpeg.release();
      const second = here.start();
      await second.started();
      assert.deepEqual(second.logged('host.cleared'), [], 'nothing to clean up');
      await assertFinishes(second, taskId);
    });
  }

  test('ends at once on a second signal, without leaving an ffmpeg that ignores the first', async () => {
    await using here = await place();
    const host = here.start();
    await host.started();
    await here.ffmpeg.resist('conform');
    await host.post(sale.request);
    const stubborn = await here.ffmpeg.hanging(1);
    host.interrupt();
    // A signal within a second counts as an echo of the first, and after two the host has ended cleanly: on a busy
    // machine no single pause is sure to fall in between.
    const insisting = setInterval(() => {
      try {
        host.interrupt();
      } catch {
        // It has ended.
      }
    }, 200);
    try {
      assert.deepEqual(await host.ended(), { code: 1, signal: null });
    } finally {
      clearInterval(insisting);
    }
    await until(() => !stubborn.some(isAlive), 'the end of ffmpeg');
  });

  test('keeps working, and ends cleanly, when its log is no longer read', async () => {
    await using here = await place();
    const host = here.start();
    await host.started();
    host.closeLog();
    const { status } = await host.completed(await host.post(sale.request));
    assert.equal(status['succeeded'], 8);
    process.kill(host.pid, 'SIGTERM');
    assert.deepEqual(await host.ended(), { code: 0, signal: null }, host.complaints());
    assertNothingLeft(host.dataDir);
  });
});
