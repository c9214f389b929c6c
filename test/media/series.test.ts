import assert from 'node:assert/strict';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createFfmpeg } from '../../functions/media/ffmpeg.ts';
import { encodedLevelArguments, readMeter } from '../../functions/media/loudness.ts';
import { mixArguments } from '../../functions/media/mix.ts';
import { CAN_RUN_SERIES, seriesOf } from '../../functions/media/series.ts';
import { CAGE } from '../fixtures/media/cage.ts';
import { makePcm } from '../fixtures/media/clips.ts';
import { FFMPEG } from '../fixtures/media/finished.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

const options = { signal: new AbortController().signal, timeoutMs: 60_000, memoryMb: 512, fileMb: 8 };
const skip = process.platform === 'win32' ? 'the tiny programs are shell scripts' : false;
const cages = [undefined, ...(CAGE === undefined ? [] : [CAGE])];

describe('two runs of ffmpeg in one', { skip }, () => {
  for (const cage of cages) {
    const where = cage === undefined ? 'without a cage' : 'in one cage';

    test(`make a file and measure it, ${where}`, async () => {
      await using dir = await tempDir();
      await using ffmpeg = createFfmpeg({ path: FFMPEG, cage });
      const music = { file: join(dir.path, 'music.s16le'), samples: 48_000, loudness: -20 };
      await makePcm(music.file, 'sine=f=997:r=48000', 1);
      const [out, reads] = [join(dir.path, "it's.m4a"), [music.file]];
      const input = { total: 48_000, own: [], originalVolume: 0, duck: true, music };
      const { stderr } = await ffmpeg.run(mixArguments(input, { gain: 0, limit: 0.7 }, out), {
        ...{ ...options, reads, writes: dir.path },
        followedBy: encodedLevelArguments(out),
      });
      const { truePeak } = readMeter(stderr);
      assert.ok(truePeak !== null && truePeak < -5, stderr);
    });

    test(`end with the first that fails, as it failed, ${where}`, async () => {
      await using dir = await tempDir();
      const path = join(dir.path, 'ffmpeg');
      const log = join(dir.path, 'log');
      await writeFile(
        path,
        `#!/bin/sh\nfor last; do :; done\necho "$last" >> '${log}'\necho "about $last" >&2\n` +
          'case $last in killed) kill -KILL $$;; refused) exit 3;; esac\n',
      );
      await chmod(path, 0o755);
      await using ffmpeg = createFfmpeg({ path, cage });
      const ran = async () => (await readFile(log, 'utf8')).trim().split('\n').splice(-2);
      const run = (first: string, second: string) =>
        ffmpeg.run([first], { ...options, writes: dir.path, followedBy: [second] });
      const both = await run('fine', 'also fine');
      assert.match(both.stderr, /about fine\n.*about also fine/s);
      await assert.rejects(run('refused', 'never'), { exitCode: 3 });
      await assert.rejects(run('fine', 'refused'), { exitCode: 3 });
      assert.deepEqual(await ran(), ['fine', 'refused']);
      for (const [first, second] of [
        ['killed', 'never'],
        ['fine', 'killed'],
      ] as const) {
        await assert.rejects(run(first, second), { code: 'ffmpeg_killed' });
      }
      assert.ok(!(await readFile(log, 'utf8')).includes('never'));
    });
  }

  test('take no shell if it is only one', () => {
    assert.deepEqual(seriesOf('/a/ffmpeg', [['-i', "it's"]]), { command: '/a/ffmpeg', args: ['-i', "it's"] });
    if (CAN_RUN_SERIES) assert.equal(seriesOf('/a/ffmpeg', [['-1'], ['-2']]).args.length, 2);
  });
});
