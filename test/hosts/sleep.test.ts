import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
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
/** Leases of what costs much: encoding a clip and mixing a combination. */
const COSTLY = /^(artifact|make|render)\//;

/** Watches the leases of a host, which nobody else may take or remove while it lives. */
function watchLeases(dataDir: string): Disposable & { look(): { lost: string[]; begunAgain: string[] } } {
  const database = new DatabaseSync(join(dataDir, 'every-cut.sqlite'), { readOnly: true });
  const rows = database.prepare('SELECT key, token FROM leases');
  const first = new Map<string, string>();
  return {
    look() {
      const now = new Map(rows.all().map(({ key, token }) => [String(key), String(token)]));
      for (const [key, token] of now) if (!first.has(key)) first.set(key, token);
      const known = [...first.keys()];
      return {
        lost: known.filter((key) => !now.has(key)),
        begunAgain: known.filter((key) => COSTLY.test(key) && now.get(key) !== first.get(key)),
      };
    },
    [Symbol.dispose]: () => database.close(),
  };
}

describe('a machine that sleeps for two days', () => {
  // The harder one always. Leases, limits and rates are tested with both.
  for (const monotonic of EXHAUSTIVE ? (['stands', 'jumps'] as const) : (['jumps'] as const)) {
    test(`fails nothing and finishes everything, if its monotonic clock ${monotonic}`, async (t) => {
      await using dir = await tempDir();
      const short = await readFile(await makeClip(join(dir.path, 'short.mp4'), { colour: 'red' }));
      // Its encoding lasts longer than all sleeps.
      const long = await readFile(
        await makeClip(join(dir.path, 'long.mp4'), { colour: 'blue', frames: 600, size: '640x360' }),
      );
      const machine = sleepingMachine(t, monotonic);
      await using server = await startSourceServer({
        '/short.mp4': { body: short },
        '/long.mp4': { body: long },
        // The network is not there at once.
        '/broken-off.mp4': { body: short, script: [{ does: 'stall' }, ...times(2, { does: 'drop' })] },
        '/paused.mp4': {
          body: short,
          script: times(2, { does: 'status', status: 503, headers: { 'retry-after': '60' } }),
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
      const nothing = { lost: [], begunAgain: [] };
      for (let sleeps = 0; sleeps < SLEEPS; sleeps++) {
        assert.deepEqual(leases.look(), nothing, `before sleep ${sleeps}`);
        const working = () => host.logged('source.prepared').filter(({ kind }) => kind === 'clip').length;
        assert.ok(working() < 6, 'a clip is being encoded');
        machine.sleep(TWO_DAYS_MS);
        server.breakOff();
        await new Promise((awake) => setTimeout(awake, 100));
        assert.deepEqual(leases.look(), nothing, `after sleep ${sleeps}`);
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
      assert.deepEqual(leases.look(), nothing, 'in the end');
    });
  }
});
