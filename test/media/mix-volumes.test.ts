/** Each clip is heard at its own volume, and music at that of its track: measured in what is mixed. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { makeSoundtrack } from '../../functions/media/soundtrack.ts';
import { makePcm } from '../fixtures/media/clips.ts';
import { loudnessOf } from '../fixtures/media/measure.ts';
import { useMedia } from '../fixtures/media/media.ts';

const { signal } = new AbortController();
const NOISE = 'anoisesrc=c=pink:a=0.1:r=48000:seed=1';
const SILENT_LUFS = -60;

describe('the volumes of clips', () => {
  const { ffmpeg, at } = useMedia();

  before(async () => {
    await makePcm(at('clip.s16le'), NOISE, 2);
  });

  async function mixed(ownVolumes: readonly number[], originalVolume = 0) {
    const out = at(`${ownVolumes.join('-')}.m4a`);
    const own = [1, 2, 3].map(() => at('clip.s16le'));
    const volumes = ownVolumes.length === 0 ? {} : { ownVolumes };
    const wanted = { total: 6 * 48_000, own, originalVolume, duck: true, loudness: null, ...volumes };
    await makeSoundtrack(ffmpeg, { ...wanted, out, signal, timeoutMs: 60_000 });
    return [
      await loudnessOf(out, 0.1, 1.9),
      await loudnessOf(out, 2.1, 3.9),
      await loudnessOf(out, 4.1, 5.9),
    ];
  }

  test('are heard clip by clip, also above that of the file', async () => {
    const [plain = 0] = await mixed([], 1);
    const [half = 0, double = 0, none = 0] = await mixed([0.5, 2, 0]);
    assert.ok(Math.abs(half - plain + 6.02) < 0.3, `${half} of ${plain}`);
    assert.ok(Math.abs(double - plain - 6.02) < 0.3, `${double} of ${plain}`);
    assert.ok(!(none > SILENT_LUFS), `${none}`);
  });
});
