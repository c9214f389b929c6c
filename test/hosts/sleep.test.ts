import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, type TestContext, test } from 'node:test';
import { until } from '../contracts/harness.ts';
import { startTestHost } from '../fixtures/hosts/host.ts';
import { makeClip } from '../fixtures/media/finished.ts';
import { startSourceServer, times } from '../fixtures/network/source-server.ts';
import { EXHAUSTIVE } from '../fixtures/system/sample.ts';
import { sleepingMachine } from '../fixtures/system/sleeping-machine.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

const TWO_DAYS_MS = 48 * 3_600_000;
/** As many as would make a crash loop. */
const SLEEPS = 5;
/** Keys of the leases that a host has had and that were removed, although it lives. */
function watchLeases(dataDir: string): Disposable & { lost(): string[] } {
  const database = new DatabaseSync(join(dataDir, 'every-cut.sqlite'), { readOnly: true });
  const rows = database.prepare('SELECT key FROM leases');
  const known = new Set<string>();
  return {
    lost() {
      const now = new Set(rows.all().map(({ key }) => String(key)));
      for (const key of now) known.add(key);
      return [...known].filter((key) => !now.has(key));
    },
    [Symbol.dispose]: () => database.close(),
  };
}

/** The arguments of all encodings that this process starts until the test ends. */
function watchEncodings(t: TestContext): () => string[] {
  const children: ChildProcess[] = [];
  const note = (message: unknown) => void children.push((message as { process: ChildProcess }).process);
  subscribe('child_process', note);
  t.after(() => unsubscribe('child_process', note));
  return () =>
    children.map(({ spawnargs }) => spawnargs.join(' ')).filter((args) => args.includes('libx264'));
}

describe('a machine that sleeps for two days', () => {
  // The harder one always. Leases, limits and rates are tested with both.
  for (const monotonic of EXHAUSTIVE ? (['stands', 'jumps'] as const) : (['jumps'] as const)) {
    test(`fails nothing and finishes everything, if its monotonic clock ${monotonic}`, async (t) => {
      await using dir = await tempDir();
      const short = await readFile(await makeClip(join(dir.path, 'short.mp4'), { colour: 'red' }));
      // Its encoding lasts longer than all sleeps.
      const long = await readFile(
        await makeClip(join(dir.path, 'long.mp4'), { colour: 'blue', frames: 900, size: '640x360' }),
      );
      const machine = sleepingMachine(t, monotonic);
      const encodings = watchEncodings(t);
      await using server = await startSourceServer({
        '/short.mp4': { body: short },
        '/long.mp4': { body: long },
        // The network is not there at once.
        '/broken-off.mp4': { body: short, script: [{ does: 'stall' }, ...times(2, { does: 'drop' })] },
        '/paused.mp4': {
          body: short,
          script: [{ does: 'status', status: 503, headers: { 'retry-after': '60' } }],
        },
      });
      await using host = await startTestHost(dir.path, {
        RENDER_CONCURRENCY: '1',
        FFMPEG_THREADS: '1',
        ALLOW_PRIVATE_URLS: 'true',
      });
      const posted = async (name: string, files: string[]) => {
        const { status, body } = await host.post({
          task_name: name,
          video_blocks: { a: files.map((file) => server.url(`/${file}.mp4`)) },
          output: { width: 640, height: 360, fps: 30 },
        });
        assert.equal(status, 202);
        return String(body['task_id']);
      };
      const ids = [
        await posted('in the middle of work', ['long', 'short', 'broken-off']),
        await posted('paused', ['paused', 'short']),
        await posted('in the queue', ['short', 'long']),
      ];
      await until(() => server.count('/paused.mp4') > 0, 'a source that pauses');
      await until(() => server.count('/broken-off.mp4') > 0, 'a download');
      await until(() => host.logged('render.started').length > 0, 'a mix');
      using leases = watchLeases(host.dataDir);
      for (let sleeps = 0; sleeps < SLEEPS; sleeps++) {
        assert.deepEqual(leases.lost(), [], `before sleep ${sleeps}`);
        const working = () => host.logged('source.prepared').filter(({ kind }) => kind === 'clip').length;
        assert.ok(working() < 6, 'a clip is being encoded');
        machine.sleep(TWO_DAYS_MS);
        server.breakOff();
        await new Promise((awake) => setTimeout(awake, 50));
        assert.deepEqual(leases.lost(), [], `after sleep ${sleeps}`);
      }
      for (const id of ids) {
        const { status, renders } = await host.end(id);
        assert.deepEqual(
          [status['failed'], status['succeeded']],
          [0, status['combinations']],
          JSON.stringify(renders),
        );
        assert.deepEqual(
          renders.map(({ attempts }) => attempts),
          renders.map(() => 1),
        );
      }
      assert.deepEqual(leases.lost(), [], 'in the end');
      // All others have the bytes of the short one.
      assert.equal(encodings().length, 2, encodings().join('\n'));
    });
  }
});
