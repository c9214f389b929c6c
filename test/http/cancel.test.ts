/** Cancelling as a client does it: real HTTP, real ffmpeg, real folders. */
import assert from 'node:assert/strict';
import { chmod, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TransientError } from '../../functions/base/errors.ts';
import { renderKey } from '../../functions/coordination/lease-keys.ts';
import { cancelTask } from '../../functions/http/cancel.ts';
import { findFfmpeg } from '../../functions/media/find-ffmpeg.ts';
import { publishTask } from '../../functions/pipeline/publish.ts';
import { complete } from '../../functions/stages/complete.ts';
import { type Ended, type Json, startTestHost, type TestHost } from '../fixtures/hosts/host.ts';
import { DELIVERY, useStages } from '../fixtures/hosts/stages.ts';
import { makeClip } from '../fixtures/media/finished.ts';
import { type SourceServer, startSourceServer } from '../fixtures/network/source-server.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';

const BASE = 'http://127.0.0.1:8080';

const ON_LINUX = { skip: process.platform !== 'linux' && 'finds processes in /proc' };
const MINUTE_MS = 60_000;
/** Seconds; an unusual number, to recognise our own processes. */
const FOREVER = 987_654;

describe('a cancelled task', () => {
  let dir: TempDir;
  let clip: Buffer;
  let server: SourceServer;

  before(async () => {
    dir = await tempDir();
    clip = await readFile(await makeClip(join(dir.path, 'red.mp4'), { colour: 'red' }));
    server = await startSourceServer({
      '/red.mp4': { body: clip },
      '/never.mp4': { body: clip, always: { does: 'hang' } },
    });
  });

  after(async () => {
    await server?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  /** Status, manifest, log line and folder must agree. */
  async function assertAgree(host: TestHost, { id, status, renders }: Ended): Promise<void> {
    const of = (name: string) => renders.filter((render) => render.status === name);
    const counts = ['succeeded', 'failed', 'cancelled'].map((name) => of(name).length);
    const totals = (from: Json | undefined) =>
      ['succeeded', 'failed', 'cancelled'].map((name) => from?.[name]);
    assert.deepEqual(totals(status), counts);
    assert.equal(status['pending'], 0);
    assert.equal(status['status'], of('cancelled').length > 0 ? 'cancelled' : 'completed');
    const folder = String(status['output_folder']);
    const manifest = JSON.parse(
      await readFile(join(folder, `manifest-${id.slice(0, 6)}.json`), 'utf8'),
    ) as Json;
    assert.deepEqual(totals(manifest), counts);
    assert.deepEqual(
      (manifest['renders'] as Json[]).map((render) => render['status']),
      renders.map((render) => render.status),
    );
    assert.deepEqual(
      (await readdir(folder)).filter((name) => name.endsWith('.mp4')).sort(),
      of('succeeded')
        .map(({ file_name }) => file_name)
        .sort(),
    );
    const completed = host.logged('task.completed').filter((line) => line['task_id'] === id);
    assert.deepEqual(completed.map(totals), [counts]);
  }

  test('ends at once even if its sources never arrive, and keeps the finished videos', async () => {
    await using own = await tempDir();
    await using host = await startTestHost(own.path);
    const { body } = await host.post({
      task_name: 'half',
      video_blocks: { a: [server.url('/red.mp4'), server.url('/never.mp4')], b: [server.url('/red.mp4')] },
      output: { width: 160, height: 90, fps: 30 },
    });
    const id = String(body['task_id']);
    while ((await host.get(`/tasks/${id}`))['succeeded'] !== 1) await sleep(50);
    const cancelled = await host.ask(`/tasks/${id}/cancel`);
    assert.equal(cancelled.status, 202);
    const ended = await host.end(id);
    await assertAgree(host, ended);
    assert.deepEqual([ended.status['succeeded'], ended.status['cancelled']], [1, 1]);
    assert.equal(ended.renders[1]?.error, null);
    const again = await host.ask(`/tasks/${id}/cancel`);
    assert.deepEqual([again.status, again.body['status']], [200, 'cancelled']);
  });

  /** An ffmpeg that first runs `before`, in sh, for the commands whose arguments match. */
  async function slowed(where: string, pattern: string, before: string): Promise<string> {
    const real = findFfmpeg({ searchPath: process.env['PATH'] ?? '' }).path;
    const script = join(where, 'ffmpeg.sh');
    await writeFile(script, `#!/bin/sh\ncase "$*" in ${pattern}) ${before};; esac\nexec '${real}' "$@"\n`);
    await chmod(script, 0o755);
    return script;
  }

  test('stops its ffmpeg, and another task that waits for the same clip makes it', ON_LINUX, async () => {
    await using own = await tempDir();
    const held = join(own.path, 'held');
    await writeFile(held, '');
    // An encoder that never ends while that file exists.
    const encoder = await slowed(own.path, '*libx264*', `[ -e '${held}' ] && exec /bin/sleep ${FOREVER}`);
    await using host = await startTestHost(own.path, { FFMPEG_BIN: encoder });
    const post = async (name: string) => {
      const { body } = await host.post({
        task_name: name,
        video_blocks: { a: [server.url('/red.mp4')] },
        output: { reencode: true },
      });
      return String(body['task_id']);
    };
    const stuck = await post('stuck');
    while ((await sleepers()).length === 0) await sleep(50);
    const other = await post('other');
    await rm(held);
    await host.ask(`/tasks/${stuck}/cancel`);
    const ended = await host.end(stuck);
    await assertAgree(host, ended);
    assert.deepEqual([ended.status['cancelled'], ended.status['status']], [1, 'cancelled']);
    const { status } = await host.end(other);
    assert.equal(status['succeeded'], 1);
    assert.deepEqual(await sleepers(), []);
  });

  test('has matching totals, manifest, log and folder whenever the cancel comes during the last render', async () => {
    await using own = await tempDir();
    const mixer = await slowed(own.path, '*concat*', '/bin/sleep 0.8');
    await using host = await startTestHost(own.path, { FFMPEG_BIN: mixer, RENDER_CONCURRENCY: '12' });
    const request = (name: string) => ({
      task_name: name,
      video_blocks: { a: [server.url('/red.mp4')], b: [server.url('/red.mp4')] },
    });
    await host.run(request('warm'));
    const round = async (delay: number | 'after the end'): Promise<unknown> => {
      const { body } = await host.post(request(`after ${delay} ms`));
      const id = String(body['task_id']);
      if (delay === 'after the end') await host.end(id);
      else await sleep(delay);
      await host.ask(`/tasks/${id}/cancel`);
      const ended = await host.end(id);
      await assertAgree(host, ended);
      return ended.status['status'];
    };
    const delays = Array.from({ length: 11 }, (_, at) => at * 120);
    const outcomes = await Promise.all([...delays, 'after the end' as const].map(round));
    assert.deepEqual([outcomes[0], outcomes.at(-1)], ['cancelled', 'completed']);
  });
});

describe('a repeated cancel', () => {
  const s = useStages();

  test('publishes nothing again for a minute, and does not end the task of another', async () => {
    const [task, other] = [await s.createTask({ name: 'a' }), await s.createTask({ name: 'b' })];
    for (const { id } of [task, other]) await s.deps.leases.take(renderKey(id, 1), MINUTE_MS);
    for (const _ of Array(4)) assert.equal((await cancelTask(task.id, BASE, s.deps)).status, 202);
    assert.equal(s.waiting()['render'], 1);
    await cancelTask(other.id, BASE, s.deps);
    assert.equal(s.waiting()['render'], 2);
    // Ends the minute: the process may have died before it published.
    s.local.endRests();
    await cancelTask(task.id, BASE, s.deps);
    assert.equal(s.waiting()['render'], 3);
  });
});

describe('a cancel', () => {
  const s = useStages();

  test('reports at once what nobody is working on, drops its messages, and leaves the rest to messages', async () => {
    const task = await s.createTask({ clips: ['/a.mp4', '/b.mp4', '/c.mp4', '/d.mp4'] });
    await publishTask(task, s.deps);
    await s.deps.leases.take(renderKey(task.id, 2), MINUTE_MS);
    await s.dieOver(renderKey(task.id, 3), 1);
    await cancelTask(task.id, BASE, s.deps);
    const reported = (await s.deps.reports.list(task.id, 1, 4)).map(({ index, status }) => [index, status]);
    assert.deepEqual(reported, [
      [1, 'cancelled'],
      [4, 'cancelled'],
    ]);
    // Those of 2 and 3, and another one for each.
    assert.deepEqual([s.waiting()['render'], s.waiting()['complete']], [4, 0]);
    const told = s.logged('render.cancelled').map(({ severity }) => severity);
    assert.deepEqual(told, ['DEBUG', 'DEBUG']);
  });

  test('that ends the whole task asks for its completion', async () => {
    const task = await s.createTask();
    await publishTask(task, s.deps);
    await cancelTask(task.id, BASE, s.deps);
    assert.deepEqual([s.waiting()['render'], s.waiting()['complete']], [0, 1]);
    await complete({ topic: 'complete', taskId: task.id }, DELIVERY, s.deps);
    const again = await cancelTask(task.id, BASE, s.deps);
    assert.deepEqual([again.status, ((await again.json()) as Json)['status']], [200, 'cancelled']);
  });

  test('is left to messages if the store is too busy to report many at once', async () => {
    const task = await s.createTask();
    const busy = () => Promise.reject(new TransientError('platform_unavailable', 'Busy.'));
    const answer = await cancelTask(task.id, BASE, {
      ...s.deps,
      reports: { ...s.deps.reports, reportIdle: busy },
    });
    assert.deepEqual([answer.status, s.waiting()['render']], [202, 2]);
  });

  test('keeps the count of attempts of a combination that had begun', async () => {
    const task = await s.createTask();
    const lease = await s.deps.leases.take(renderKey(task.id, 1), MINUTE_MS);
    assert.ok(lease);
    await s.deps.attempts.record(renderKey(task.id, 1), 'failure');
    await s.deps.leases.release(lease);
    await cancelTask(task.id, BASE, s.deps);
    assert.deepEqual(
      (await s.deps.reports.list(task.id, 1, 2)).map(({ attempts }) => attempts),
      [1, 0],
    );
  });
});

/** Processes of the encoder that never ends. */
async function sleepers(): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return lines.filter((line) => line.startsWith(`/bin/sleep\x00${FOREVER}`));
}
