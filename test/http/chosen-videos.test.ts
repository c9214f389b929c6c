/** The zip of some videos of a task, such as those that someone has starred. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { manifestName } from '../../functions/model/names.ts';
import { numbers } from '../contracts/harness.ts';
import { unzip } from '../fixtures/gcloud/unzip.ts';
import { type SavedVideos, savedVideos } from '../fixtures/hosts/saved-videos.ts';

async function problemOf(response: Response) {
  const { code, detail, errors, hint } = (await response.json()) as Record<string, unknown>;
  assert.ok(hint);
  const [mistake] = (errors ?? []) as { pointer: string; message: string }[];
  return { found: [response.status, code], detail: String(mistake?.message ?? detail) };
}

describe('the zip of chosen videos', () => {
  let s: SavedVideos;
  before(async () => {
    s = await savedVideos({ combinations: 5 });
    await s.save(1, 'one');
    await s.save(2, 'two', '1\n00:00:00,000 --> 00:00:01,000\nHi\n');
    await s.save(3, 'three');
    await s.report(4, {
      status: 'failed',
      url: null,
      bytes: null,
      error: { code: 'mix_failed', message: 'ffmpeg said no', stage: 'mix' },
    });
  });
  after(() => s[Symbol.asyncDispose]());
  const get = (renders: string, init: RequestInit = {}) => s.get(`/manifest.zip?renders=${renders}`, init);

  test('is there once the task has ended, like that of all', async () => {
    assert.deepEqual((await problemOf(await get('1'))).found, [409, 'task_running']);
    await s.report(5, { status: 'cancelled', url: null, bytes: null });
    await s.end();
    assert.equal((await get('1')).status, 200);
  });

  test('has these, what is beside them and the whole manifest, in the order of the task', async () => {
    const manifest = (['json', 'csv'] as const).map((format) => manifestName(s.task.id, format));
    // A browser may escape the commas.
    for (const renders of ['3,2', '2%2C3', '2,3,2']) {
      const response = await get(renders);
      const bytes = Buffer.from(await response.arrayBuffer());
      assert.equal(response.headers.get('content-length'), String(bytes.length));
      assert.match(
        response.headers.get('content-disposition') ?? '',
        /%20%F0%9F%8E%AC%2C%202%20videos\.zip$/,
      );
      const files = unzip(bytes);
      const names = [...manifest, s.nameOf(2), s.nameOf(2).replace(/mp4$/, 'srt'), s.nameOf(3)];
      assert.deepEqual([...files.keys()], names, renders);
      assert.equal(String(files.get(s.nameOf(3))), 'three');
      assert.equal(String(files.get(String(manifest[0]))), await (await s.get('/manifest.json')).text());
    }
    assert.match((await get('1')).headers.get('content-disposition') ?? '', /1%20video\.zip$/);
    assert.equal((await get('2,3', { method: 'HEAD' })).status, 200);
  });

  test('refuses a video that is not in the plan, failed or was cancelled, and names it', async () => {
    const unknown = await problemOf(await get('1,6'));
    assert.deepEqual(unknown.found, [404, 'not_found']);
    assert.match(unknown.detail, /from 1 to 5, got "6"/);
    const failed = await problemOf(await get('1,4'));
    assert.deepEqual(failed.found, [404, 'not_made']);
    assert.match(failed.detail, /Expected video 4 .*it failed: mix_failed, ffmpeg said no/);
    const cancelled = await problemOf(await get('5'));
    assert.deepEqual(cancelled.found, [404, 'not_made']);
    assert.match(cancelled.detail, /Expected video 5 .*it was cancelled/);
  });

  test('refuses what is no list of indexes, and more than a thousand of them', async () => {
    for (const renders of ['', ',', '1,', '1;2', '0', '01', '-1', '1.5', 'all', '1, 2', '12345678']) {
      const { found, detail } = await problemOf(await get(renders));
      assert.deepEqual(found, [422, 'invalid_request'], renders);
      assert.match(
        detail,
        /^Expected the indexes of videos, as in 1,4,7, got .* Leave it out for all\.$/,
        renders,
      );
    }
    const many = await problemOf(
      await get(
        numbers(1_001)
          .map(() => '1')
          .join(),
      ),
    );
    assert.deepEqual(many.found, [422, 'invalid_request']);
    assert.match(many.detail, /^Expected at most 1,000 indexes, got 1001\. /);
    const two = await problemOf(await s.get('/manifest.zip?renders=1&renders=2'));
    assert.deepEqual(two.found, [422, 'invalid_request']);
  });

  test('takes a thousand of the longest indexes, which fit into an address', async () => {
    const renders = numbers(1_000).map((at) => 1_000_000 - at);
    assert.deepEqual((await problemOf(await get(renders.join()))).found, [404, 'not_found']);
  });

  test('needs no other video than these', async () => {
    await rm(s.pathOf(3));
    assert.equal((await get('1,2')).status, 200);
    assert.deepEqual((await problemOf(await get('1,3'))).found, [410, 'video_gone']);
  });
});
