/** Pictures that share a time, beside recordings that are joined. */
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { conformClip } from '../../functions/media/conform.ts';
import { probe } from '../../functions/media/probe.ts';
import type { Probe } from '../../functions/model/probe.ts';
import { ffmpeg as run } from '../fixtures/media/finished.ts';
import { useMedia } from '../fixtures/media/media.ts';
import { plainProfile } from '../fixtures/media/plain-choices.ts';

const { signal } = new AbortController();
const PROFILE = plainProfile(64, 36);
/** The sixth to the seventeenth picture are at the time of the sixth, in milliseconds. */
const DOZEN = "setts=ts='if(between(N,5,16),167,TS)'";
/** The last twelve. */
const LAST_DOZEN = "setts=ts='min(TS,400)'";

describe('pictures that share a time', () => {
  const { ffmpeg, at } = useMedia();
  let count = 0;

  /** 24 pictures at 30 a second, through a filter of packets. */
  async function film(filter: string): Promise<Buffer> {
    const [whole, changed] = [at(`whole-${++count}.mkv`), at(`changed-${count}.mkv`)];
    await run('-f', 'lavfi', '-i', 'testsrc2=s=64x36:r=30:d=0.8', '-c:v', 'mpeg4', whole);
    await run('-i', whole, '-c', 'copy', '-bsf:v', filter, changed);
    return readFile(changed);
  }

  async function probed(...films: Buffer[]): Promise<{ file: string; found: Probe }> {
    const file = at(`probed-${++count}`);
    await writeFile(file, Buffer.concat(films));
    return { file, found: await probe(ffmpeg, file, { signal }) };
  }

  /** What was found out: whether times begin anew, pictures, and frames at 30 a second; and the frames that were made. */
  async function conformed({ file, found }: { file: string; found: Probe }): Promise<unknown[]> {
    const dir = `${file}-made`;
    await mkdir(dir);
    const input = { file, dir, probe: found, profile: PROFILE, threads: 1, maxSeconds: 60 };
    const { frames } = await conformClip(ffmpeg, { ...input, signal, timeoutMs: 60_000 });
    const { restarts, packets, seconds = 0 } = found.video ?? {};
    return [restarts, packets, Math.round(seconds * 30), frames];
  }

  test('are no second recording', async () => {
    assert.deepEqual(await conformed(await probed(await film(DOZEN))), [false, 24, 24, 24]);
  });

  test('are no second recording before a few that are earlier', async () => {
    const few = await film("noise=drop='gte(n,3)'");
    const [restarts, packets, expected, frames] = await conformed(await probed(await film(LAST_DOZEN), few));
    assert.deepEqual([restarts, packets, expected], [false, 27, 13]);
    assert.ok(Math.abs(Number(frames) - 13) <= 1, `${frames}`);
  });

  test('do not make a second recording longer', async () => {
    const [restarts, packets, expected, frames] = await conformed(
      await probed(await film(LAST_DOZEN), await film('null')),
    );
    assert.deepEqual([restarts, packets], [true, 48]);
    // The first ends after 13.
    for (const one of [expected, frames])
      assert.ok(Math.abs(Number(one) - 37) <= 1, `${expected}, ${frames}`);
  });

  test('are refused if hardly any has one of its own', async () => {
    await assert.rejects(probed(await film('setts=ts=0')), {
      code: 'media_unreadable',
      message:
        'Expected pictures with a time each, got 24 at 1 time. Export the clip again as MP4 (H.264, AAC).',
    });
  });
});
