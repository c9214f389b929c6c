import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { makeFilm } from '../fixtures/media/clips.ts';
import { countFrames, FFMPEG, ffmpeg, makeTrack } from '../fixtures/media/finished.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';
import { runFfmpeg } from './ffmpeg-run.ts';
import { filterGraphArguments, type GraphInput } from './filter-graph.ts';
import { PEER_TOOLS } from './peers.ts';

const FRAMES = 15;
const NAMES = ['one', 'two', 'three'];
/** Sound that is exactly as long as the picture: a command that joins clips may hold the last picture under longer sound. */
const CODECS = ['-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-c:a', 'pcm_s16le'];

describe('what the service is compared with', async () => {
  const ways = [
    {
      name: 'one filter graph per video',
      make: (path: string, input: GraphInput) => runFfmpeg(path, filterGraphArguments(input)),
    },
    ...PEER_TOOLS,
  ];
  for (const { name, make } of ways) {
    test(`${name}: makes a video with every frame of its clips`, async () => {
      await using dir = await tempDir();
      const size = '160x90';
      const clips = await Promise.all(
        NAMES.map((clip) =>
          makeFilm(join(dir.path, `${clip}.mov`), { frames: FRAMES, size, output: CODECS }),
        ),
      );
      const music = await makeTrack(join(dir.path, 'music.mp3'), 1);
      const voice = join(dir.path, 'voice.pcm');
      await ffmpeg('-f', 'lavfi', '-i', 'sine=d=0.5:r=48000', '-ac', '2', '-f', 's16le', voice);
      const input: GraphInput = {
        ...{ clips, music, voice, out: join(dir.path, 'out.mp4') },
        profile: { width: 160, height: 90, rate: { num: 30, den: 1 } } as GraphInput['profile'],
        seconds: (FRAMES * NAMES.length) / 30,
      };
      const spent = await make(FFMPEG, input, dir.path);
      assert.equal(await countFrames(input.out), FRAMES * NAMES.length);
      if (spent !== undefined) assert.ok(spent.cpuSeconds > 0, `${spent.cpuSeconds} processor seconds`);
    });
  }
});
