/** Hostile files sent to the whole service cost only their own videos, with a clear message about the reason. */
import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { CODES } from '../../functions/base/codes.ts';
import { workDir } from '../../functions/pipeline/artifacts.ts';
import { startTestHost } from '../fixtures/hosts/host.ts';
import { ascii, gif, mkv, mov, png, SAMPLES_AT, zeros } from '../fixtures/media/containers.ts';
import { makeClip } from '../fixtures/media/finished.ts';
import { startSourceServer } from '../fixtures/network/source-server.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

const skip = process.platform === 'win32' ? 'folder modes work differently there' : false;

test('a folder for unfinished work is private and gone afterwards', { skip }, async () => {
  await using dir = await tempDir();
  let path = '';
  {
    await using own = await workDir(join(dir.path, 'tmp'));
    path = own.path;
    assert.equal((await stat(path)).mode & 0o777, 0o700);
    assert.notEqual((await workDir(join(dir.path, 'tmp'))).path, path);
  }
  await assert.rejects(stat(path), { code: 'ENOENT' });
});

test('hostile clips fail permanently at the first attempt, a hostile track is cut, and the other videos succeed', async () => {
  await using dir = await tempDir();
  const clip = await readFile(await makeClip(join(dir.path, 'a.mp4'), { colour: 'red' }));
  let requests = 0;
  const canary = createServer((_, response) => {
    requests += 1;
    response.end(clip);
  });
  await new Promise<void>((resolve) => canary.listen(0, '127.0.0.1', resolve));
  const secret = `http://127.0.0.1:${(canary.address() as AddressInfo).port}/secret.ts`;
  const large = png(32_000, 32_000);
  const picture = { codec: 'png ', kind: 'video' as const, stts: [1, 1], size: large.length, count: 1 };
  const hostile = {
    'playlist.mp4': [ascii(`#EXTM3U\n#EXTINF:3,\n${secret}\n#EXT-X-ENDLIST\n`), 'media_unreadable'],
    'script.mp4': [ascii(`ffconcat version 1.0\nfile '${join(dir.path, 'a.mp4')}'\n`), 'media_unreadable'],
    'large.mp4': [
      mov(large, [{ ...picture, width: 32_000, height: 32_000, chunks: [SAMPLES_AT] }]),
      'media_unreadable',
    ],
    'long.mp4': [gif(64, 64, 132, 65_535), 'clip_too_long'],
  } as const;
  const leap = [0, 36_000_000].map((at) => ({ at, bytes: zeros(19_200) }));
  const track = mkv({ codec: 'A_PCM/INT/LIT' }, leap);
  await using server = await startSourceServer({
    '/good.mp4': { body: clip },
    '/leap.mka': { body: track },
    ...Object.fromEntries(Object.entries(hostile).map(([name, [body]]) => [`/${name}`, { body }])),
  });
  await using host = await startTestHost(dir.path, { MAX_CLIP_SECONDS: '10' });

  const clips = ['good.mp4', ...Object.keys(hostile)].map((name) => server.url(`/${name}`));
  const { status, renders } = await host.run({ task_name: 'hostile', video_blocks: { hooks: clips } });
  assert.deepEqual([status['succeeded'], status['failed']], [1, 4]);
  for (const { clips: used, error, attempts } of renders) {
    const [, code] = Object.entries(hostile).find(([name]) => used[0]?.endsWith(name))?.[1] ?? [];
    assert.equal(error?.code, code, `${used}: ${error?.message}`);
    if (error === null) continue;
    assert.equal(CODES[error.code as keyof typeof CODES].kind, 'permanent');
    assert.ok(!error.message.includes(dir.path), error.message);
    assert.ok(attempts <= 1, `${attempts}`);
  }

  const sound = await host.run({
    task_name: 'hostile track',
    video_blocks: { hooks: [server.url('/good.mp4')] },
    audio_blocks: { music: [server.url('/leap.mka')] },
  });
  // Of music that is too long, the part up to MAX_CLIP_SECONDS is used: here, all before the leap of ten hours.
  assert.equal(sound.renders[0]?.status, 'succeeded');
  canary.close();
  assert.equal(requests, 0, 'a playlist was followed');
});
