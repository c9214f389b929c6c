import assert from 'node:assert/strict';
import { glob, readFile, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { VERSION } from '../../functions/base/version.ts';
import type { StatsView } from '../../functions/model/answers/stats.ts';
import { numbers, until } from '../contracts/harness.ts';
import { startTestHost, type TestHost } from '../fixtures/hosts/host.ts';
import { startTestApi } from '../fixtures/http/api.ts';
import { makeClip } from '../fixtures/media/finished.ts';
import { startSourceServer } from '../fixtures/network/source-server.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

const IDLE = { waiting: 0, in_flight: 0, quarantined: 0, oldest_seconds: null };
const NO_TASKS = { unfinished: 0, queued: 0, preparing: 0, rendering: 0, cancelling: 0 };
const OUTPUT = { width: 64, height: 64, fps: 30 };

async function statsOf(host: TestHost): Promise<StatsView> {
  return (await host.get('/stats')) as unknown as StatsView;
}

/** Bytes of all files of artifacts but those that describe them. */
async function artifactBytes(dataDir: string): Promise<number> {
  let bytes = 0;
  for await (const file of glob('artifacts/??/*/*', { cwd: dataDir })) {
    if (!file.endsWith('meta.json')) bytes += (await stat(join(dataDir, file))).size;
  }
  return bytes;
}

describe('GET /stats', () => {
  test('shows a host before, during and after its work', async () => {
    await using dir = await tempDir();
    const clip = await readFile(await makeClip(join(dir.path, 'clip.mp4'), { colour: 'red', frames: 9 }));
    await using sources = await startSourceServer({
      '/clip.mp4': { body: clip },
      '/hangs.mp4': { body: clip, always: { does: 'hang' } },
    });
    await using host = await startTestHost(dir.path, { CACHE_MAX_MB: '100', RENDER_CONCURRENCY: '3' });

    const before = await statsOf(host);
    assert.equal(before.version, VERSION);
    assert.deepEqual(before.tasks, NO_TASKS);
    assert.deepEqual(Object.values(before.queue ?? {}), Array(5).fill(IDLE));
    assert.deepEqual(
      Object.values(before.places ?? {}).map(({ used }) => used),
      Array(6).fill(0),
    );
    assert.equal(before.places?.mixers.limit, 3);
    const { blocks, bsize } = await statfs(host.dataDir);
    assert.equal(before.disk?.data?.total_bytes, blocks * bsize);
    assert.ok((before.disk?.data?.free_bytes ?? 0) > 0);
    // The first task makes the folder for videos.
    assert.equal(before.disk?.output, null);
    assert.deepEqual(before.cache, { bytes: 0, limit_bytes: 100 * 2 ** 20 });

    const posted = await host.post({
      task_name: 'hangs',
      video_blocks: { only: [sources.url('/clip.mp4'), sources.url('/hangs.mp4')] },
      output: { ...OUTPUT, reencode: true },
    });
    let during = before;
    await until(async () => {
      during = await statsOf(host);
      return during.places?.downloaders.used === 1 && during.queue?.prepare.in_flight === 1;
    }, 'one download that hangs');
    assert.equal(during.tasks.unfinished, 1);
    assert.ok((during.queue?.prepare.oldest_seconds ?? 0) > 0);
    assert.equal(during.disk?.output?.total_bytes, blocks * bsize);
    assert.ok(during.uptime_seconds >= before.uptime_seconds);

    const id = String(posted.body['task_id']);
    await host.ask(`/tasks/${id}/cancel`);
    await host.end(id);
    await host.run({
      task_name: 'ends',
      video_blocks: { only: [sources.url('/clip.mp4')] },
      output: OUTPUT,
    });
    let after = during;
    await until(async () => {
      after = await statsOf(host);
      return after.tasks.unfinished === 0 && after.queue?.complete.in_flight === 0;
    }, 'the end of all work');
    assert.deepEqual(after.tasks, NO_TASKS);
    assert.deepEqual(Object.values(after.queue ?? {}), Array(5).fill(IDLE));
    assert.equal(after.places?.downloaders.used, 0);
    assert.ok((after.cache?.bytes ?? 0) > 0);
    assert.equal(after.cache?.bytes, await artifactBytes(host.dataDir));
  });

  test('counts tasks by status beyond one page, and characters of speech', async () => {
    await using service = await startTestApi();
    const { tasks, usage } = service.deps as typeof service.deps & {
      usage: { addSpeech(characters: { bought: number; saved: number }): Promise<void> };
    };
    const ids: string[] = [];
    for (const at of numbers(102)) {
      const answer = await service.api(
        new Request('http://127.0.0.1/process_media', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({
            task_name: `task ${at}`,
            video_blocks: { only: ['https://example.com/a.mp4'] },
          }),
        }),
      );
      ids.push(((await answer.json()) as { task_id: string }).task_id);
    }
    await tasks.cancel(ids[0] as string);
    await tasks.finish(ids[1] as string);
    await usage.addSpeech({ bought: 120, saved: 30 });
    const stats = (await (await service.api(new Request('http://127.0.0.1/stats'))).json()) as StatsView;
    assert.deepEqual(stats.tasks, { ...NO_TASKS, unfinished: 101, queued: 100, cancelling: 1 });
    assert.equal(stats.queue?.prepare.waiting, 102);
    assert.deepEqual(stats.speech, {
      since: `${new Date().toISOString().slice(0, 7)}-01`,
      characters_bought: 120,
      characters_saved: 30,
    });
  });

  test('repeats what it found within the last second', async () => {
    await using service = await startTestApi();
    const asked = async () =>
      (await (await service.api(new Request('http://127.0.0.1/stats'))).json()) as StatsView;
    const first = await asked();
    await service.deps.queue.publish([{ topic: 'complete', taskId: 'any' }]);
    assert.deepEqual(await asked(), first);
    await until(async () => (await asked()).queue?.complete.waiting === 1, 'a new look');
  });
});
