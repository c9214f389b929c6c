/** The single-machine host says whether its ffmpeg runs in a cage, and works in both ways. */
import assert from 'node:assert/strict';
import { chmod, mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { serveFiles } from '../../infra/media/file-server.ts';
import { startTestHost } from '../fixtures/hosts/host.ts';
import { needsCage } from '../fixtures/media/cage.ts';
import { FFMPEG, makeClip, makeTrack } from '../fixtures/media/finished.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

const PATH = process.env['PATH'] ?? '';
/** Both ways with the same build. */
const own = { FFMPEG_BIN: FFMPEG };

describe('a service with bubblewrap', needsCage, () => {
  test('makes videos in the cage, and says so at the start', async () => {
    await using dir = await tempDir();
    const clip = await makeClip(join(dir.path, 'a clip.mp4'), { colour: 'red' });
    const track = await makeTrack(join(dir.path, 'track.wav'), 2);
    await using server = await serveFiles([clip, track]);
    await using host = await startTestHost(dir.path, { ...own, PATH, FFMPEG_CAGE: 'required' });
    assert.match(String(host.logged('host.started')[0]?.['cage']), /^bubblewrap \(.*bwrap\)$/);
    assert.deepEqual(host.logged('ffmpeg.no_cage'), []);
    const block = [server.url('a clip.mp4')];
    const { renders } = await host.run({
      ...{ task_name: 'caged', video_blocks: { a: block, b: block } },
      ...{
        audio_blocks: { music: [server.url('track.wav')] },
        text_to_speech: [{ text: 'Hello there', voice: 'Sarah' }],
      },
    });
    assert.deepEqual(
      renders.map(({ status }) => status),
      ['succeeded'],
    );
  });

  test('uses no cage if FFMPEG_CAGE is off', async () => {
    await using dir = await tempDir();
    await using host = await startTestHost(dir.path, { ...own, PATH, FFMPEG_CAGE: 'off' });
    assert.equal(host.logged('host.started')[0]?.['cage'], 'none');
    assert.match(String(host.logged('ffmpeg.no_cage')[0]?.['message']), /FFMPEG_CAGE is off/);
  });
});

describe('a service without bubblewrap', () => {
  test('says at the start that ffmpeg runs without a cage, and what to do', async () => {
    await using dir = await tempDir();
    await using host = await startTestHost(dir.path, { ...own, PATH: dir.path });
    assert.equal(host.logged('host.started')[0]?.['cage'], 'none');
    const [notice] = host.logged('ffmpeg.no_cage');
    assert.equal(notice?.['severity'], 'NOTICE');
    assert.match(String(notice?.['message']), /without a cage: Install bubblewrap/);
  });

  test('lets ffmpeg work in an empty folder of its own, which a killed service leaves to the next one', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'ffmpeg');
    const version = 'ffmpeg version 8.1.2 Copyright (c) 2000-2026 the FFmpeg developers';
    await writeFile(path, `#!/bin/sh\necho "${version}, in $(pwd)"\n`);
    await chmod(path, 0o755);
    const empty = join(dir.path, 'data/empty');
    await mkdir(empty, { recursive: true });
    {
      await using host = await startTestHost(dir.path, { FFMPEG_BIN: path });
      assert.equal(host.logged('host.started')[0]?.['ffmpeg'], `${version}, in ${empty}`);
    }
    await assert.rejects(stat(empty), { code: 'ENOENT' });
  });

  test('does not start if the cage is required', async () => {
    await using dir = await tempDir();
    await assert.rejects(
      startTestHost(dir.path, { ...own, PATH: dir.path, FFMPEG_CAGE: 'required' }),
      /Expected a cage for ffmpeg, as FFMPEG_CAGE=required says, got none. Install bubblewrap/,
    );
  });
});
