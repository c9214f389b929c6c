import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { serveFiles } from '../../infra/media/file-server.ts';
import { startTestHost } from '../fixtures/hosts/host.ts';
import { FFMPEG, makeClip } from '../fixtures/media/finished.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

test('a service whose encoder in hardware does not work says so, is ready, and makes videos with x264', async () => {
  await using dir = await tempDir();
  const clip = await makeClip(join(dir.path, 'clip.mp4'), { colour: 'red' });
  await using server = await serveFiles([clip]);
  await using host = await startTestHost(dir.path, { FFMPEG_BIN: FFMPEG, VIDEO_ENCODER: 'nvenc' });
  const [warning, ...more] = host.logged('ffmpeg.no_encoder');
  assert.equal(warning?.['encoder'], 'nvenc');
  assert.deepEqual(more, []);
  assert.equal((await fetch(`${host.url}/readyz`)).status, 200);
  const { renders } = await host.run({
    task_name: 'hardware',
    video_blocks: { a: [server.url('clip.mp4')] },
    output: { reencode: true },
  });
  assert.deepEqual(
    renders.map(({ status }) => status),
    ['succeeded'],
  );
});
