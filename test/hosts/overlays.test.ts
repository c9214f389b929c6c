/** Tasks with pictures over their clips, at the single-machine host. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Render, startTestHost, type TestHost } from '../fixtures/hosts/host.ts';
import { uploaded } from '../fixtures/hosts/sending.ts';
import { ffmpeg, makeClip } from '../fixtures/media/finished.ts';
import { type SourceServer, startSourceServer } from '../fixtures/network/source-server.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

describe('tasks with overlays', { timeout: 120_000 }, () => {
  const cleanup = new AsyncDisposableStack();
  const bodies: Record<string, { body: Buffer }> = {};
  let logo: Buffer;
  let server: SourceServer;
  let host: TestHost;

  before(async () => {
    const dir = cleanup.use(await tempDir());
    for (const [at, name] of ['a', 'b', 'c'].entries()) {
      const file = await makeClip(join(dir.path, `${name}.mp4`), { colour: 'white', frames: 8 + at });
      bodies[`/${name}.mp4`] = { body: await readFile(file) };
    }
    const png = join(dir.path, 'logo.png');
    await ffmpeg('-f', 'lavfi', '-i', 'color=red:s=40x40:d=0.04', '-frames:v', '1', png);
    logo = await readFile(png);
    bodies['/logo.png'] = { body: logo };
    server = cleanup.use(await startSourceServer(bodies));
    host = cleanup.use(await startTestHost(dir.path));
  });
  after(() => cleanup.disposeAsync());

  const request = (name: string, ...overlays: object[]) => ({
    task_name: name,
    video_blocks: { hooks: [server.url('/a.mp4'), server.url('/b.mp4')], ctas: [server.url('/c.mp4')] },
    output: { width: 160, height: 160, fps: 30 },
    overlays,
  });
  /** The colour in the middle of a frame. */
  async function middleOf(name: string, { file_name }: Render, frame: number): Promise<string> {
    const file = join(host.outputDir, name, file_name);
    const one = `select=eq(n\\,${frame}),crop=2:2:80:80,scale=1:1,format=rgb24`;
    const [r = 0, g = 0] = await ffmpeg('-i', file, '-vf', one, '-frames:v', '1', '-f', 'rawvideo', '-');
    return g > 128 ? 'white' : r > 128 ? 'red' : 'other';
  }

  test('are made with one download and one encode of each source, and a second task makes nothing again', async () => {
    const upload = await uploaded(host.url, logo, 'logo.png');
    for (const name of ['first', 'second']) {
      const wanted = [
        { image: server.url('/logo.png'), position: 'center', blocks: ['hooks'], to: 0.1 },
        { image: upload, position: 'top', width: 10 },
      ];
      const { status, renders } = await host.run(request(name, ...wanted));
      assert.equal(status['status'], 'completed', JSON.stringify(renders.map(({ error }) => error)));
      assert.deepEqual([status['sources'], status['prepared'], status['video']], [5, 5, 'encoded']);
      assert.match(String(status['video_reason']), /^an overlay is burned into clip "a"$/);
      for (const video of renders) {
        const shown = await Promise.all([0, 2, 3, 5].map((frame) => middleOf(name, video, frame)));
        assert.deepEqual(shown, ['red', 'red', 'white', 'white'], video.file_name);
      }
    }
    // One request per task, which asks whether it is still the same.
    assert.deepEqual([server.count('/logo.png'), server.count('/a.mp4')], [2, 2]);
    const keys = (kind: string) =>
      host.logged('source.prepared').flatMap((line) => (line['kind'] === kind ? [line['artifact']] : []));
    // The upload has the same bytes as the other picture.
    assert.equal(new Set(keys('image')).size, 1);
    assert.equal(new Set(keys('clip')).size, 3);
  });

  test('fail where a picture is dead, which is named, with one line in the log, and are retried once it is back', async () => {
    const overlay = { image: server.url('/gone.png'), blocks: ['ctas'] };
    const { id, status, renders } = await host.run(request('dead', overlay));
    assert.deepEqual([status['status'], status['failed']], ['failed', 2]);
    for (const { error } of renders) {
      assert.equal(error?.code, 'source_not_found');
      assert.match(String(error?.message), /image "gone" of an overlay: /);
    }
    const dead = () =>
      host
        .logged()
        .filter((line) => line['task_id'] === id && ['WARNING', 'ERROR'].includes(String(line['severity'])));
    const lines = dead().filter((line) => line['event'] === 'source.failed');
    assert.deepEqual(
      lines.map((line) => [line['source_name'], line['combinations_lost']]),
      [['image "gone"', 2]],
    );
    server.set('/gone.png', { body: logo });
    const again = await host.retry(id);
    assert.equal(
      again.status['status'],
      'completed',
      JSON.stringify(again.renders.map(({ error }) => error)),
    );
  });

  test('are refused when they come if they cannot be seen', async () => {
    const wrong = await host.post(request('wrong', { image: 'no-url', blocks: ['hoks'], from: 2, to: 1 }));
    assert.equal(wrong.status, 422);
    const pointers = (wrong.body['errors'] as { pointer: string }[]).map(({ pointer }) => pointer);
    assert.deepEqual(pointers, ['/overlays/0/image', '/overlays/0/blocks/0', '/overlays/0/to']);
  });
});
