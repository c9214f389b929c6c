/** Clips that were encoded for a task, joined by our writer. */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { conformClip } from '../../../functions/media/conform.ts';
import { one } from '../../../functions/media/mp4/boxes.ts';
import { probe } from '../../../functions/media/probe.ts';
import type { Profile } from '../../../functions/model/pins.ts';
import {
  assertJoined,
  encode,
  joinClips,
  parametersInFrames,
  SMALL,
  tablesOf,
} from '../../fixtures/media/copied-joins.ts';
import { useMedia } from '../../fixtures/media/media.ts';

const { signal } = new AbortController();
const NTSC: Profile = { ...SMALL, rate: { num: 30_000, den: 1001 } };

describe('conformed clips', () => {
  const { ffmpeg, at } = useMedia();
  const videos: string[] = [];

  before(async () => {
    for (const frames of [1, 37]) {
      const file = await encode(at(`${frames}.mp4`), { frames, rate: '30000/1001' });
      const dir = at(`conformed-${frames}`);
      await mkdir(dir);
      const found = await probe(ffmpeg, file, { signal });
      const limits = { threads: 1, maxSeconds: 60, timeoutMs: 60_000, signal };
      await conformClip(ffmpeg, { file, dir, probe: found, profile: NTSC, ...limits });
      videos.push(join(dir, 'video.mp4'));
    }
  });

  test('have no parameter sets in the frames of their join, which are the frames of the clips', async () => {
    const [one, long] = videos as [string, string];
    const order = [long, one, one, long];
    await joinClips(order, at('film.mp4'), NTSC.rate);
    await assertJoined(at('film.mp4'), order, NTSC.rate);
    assert.deepEqual(await parametersInFrames(at('film.mp4')), []);
  });

  test('of one frame each keep their exact lengths, four hundred of them', async () => {
    const [one_, long] = videos as [string, string];
    const order = Array.from({ length: 400 }, (_, at) => (at % 40 === 39 ? long : one_));
    await joinClips(order, at('many.mp4'), NTSC.rate);
    const tables = await tablesOf(at('many.mp4'));
    const frames = 390 + 10 * 37;
    assert.equal(one(tables, 'stts').toString('hex'), words(0, 1, frames, 1001));
    assert.equal(one(tables, 'stsz').readUInt32BE(8), frames);
    assert.deepEqual(await parametersInFrames(at('many.mp4')), []);
    // All were encoded to begin anew: each clip is there as often as it was asked for.
    assert.equal(one(tables, 'stss').readUInt32BE(4), 400);
  });
});

function words(...values: number[]): string {
  return values.map((value) => value.toString(16).padStart(8, '0')).join('');
}
