import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { conformClip } from '../../functions/media/conform.ts';
import { readPicture } from '../../functions/media/mp4/tracks.ts';
import { probe } from '../../functions/media/probe.ts';
import type { Profile } from '../../functions/model/pins.ts';
import { FILM, MARGIN, makeCounted, toYuv } from '../fixtures/media/counted-film.ts';
import { ffmpeg as run } from '../fixtures/media/finished.ts';
import { useMedia } from '../fixtures/media/media.ts';
import { placeOf, readFilm } from '../fixtures/media/read-film.ts';
import { sampled } from '../fixtures/system/sample.ts';

const { signal } = new AbortController();
const TAGS = '-colorspace bt709 -color_primaries bt709 -color_trc bt709'.split(' ');
const X264 = ['-c:v', 'libx264', '-crf', '12', ...TAGS];
const RATE = { num: 30, den: 1 };
/** Largest difference of a colour value, of 255. */
const NEAR = 4;

describe('a picture with another aspect ratio', () => {
  const { ffmpeg, at } = useMedia();
  let count = 0;

  async function conformed(
    file: string,
    picture: Pick<Profile, 'width' | 'height' | 'fit'> & Partial<Profile>,
  ): Promise<string> {
    const dir = at(`conformed-${++count}`);
    await mkdir(dir);
    const profile = { background: '#000000', ...picture, rate: RATE };
    const input = { file, probe: await probe(ffmpeg, file, { signal }), profile };
    await conformClip(ffmpeg, { ...input, dir, threads: 1, maxSeconds: 60, signal, timeoutMs: 60_000 });
    return join(dir, 'video.mp4');
  }

  async function film(size: { width: number; height: number } = FILM): Promise<string> {
    const file = at(`film-${++count}.mp4`);
    return makeCounted(file, { ...FILM, ...size, frames: 4, flash: 1 }, X264, toYuv());
  }

  /** The average colour of a square in the first frame. */
  async function colourAt(file: string, x: number, y: number, side: number): Promise<number[]> {
    const look = `scale=iw:ih:in_color_matrix=bt709:flags=accurate_rnd+full_chroma_int,format=gbrp,crop=${side}:${side}:${x}:${y},scale=1:1:flags=area,format=rgb24`;
    return [...(await run('-i', file, '-frames:v', '1', '-vf', look, '-f', 'rawvideo', '-'))];
  }

  function near(actual: readonly number[], expected: readonly number[], within = NEAR): void {
    const off = Math.max(...actual.map((value, channel) => Math.abs(value - (expected[channel] ?? 0))));
    assert.ok(off <= within, `${actual}, not ${expected}`);
  }

  const SHAPES = [
    [256, 256, FILM],
    [288, 256, { width: 144, height: 256 }],
    [320, 180, FILM],
  ] as const;
  for (const fit of ['contain', 'cover', 'blur'] as const) {
    for (const [width, height, from] of sampled(SHAPES, SHAPES.length, `shapes of ${fit}`)) {
      test(`${fit}: ${from.width}x${from.height} in ${width}x${height} is placed correctly in every frame`, async () => {
        const video = await conformed(await film(from), { width, height, fit });
        const read = await readFilm(video, placeOf(from.width / from.height, { width, height }, fit));
        assert.deepEqual(
          read.map(({ frame }) => frame),
          [0, 1, 2, 3],
        );
        const off = Math.max(...read.flatMap(({ colours }) => colours));
        assert.ok(off <= 12, `${off} codes`);
      });
    }
  }

  for (const background of sampled(['#ff8000', '#0a64c8', '#ffffff', '#000000'], 2, 'backgrounds')) {
    test(`bars are ${background}, above and below, right and left`, async () => {
      const rgb = [1, 3, 5].map((from) => Number.parseInt(background.slice(from, from + 2), 16));
      const bars = { fit: 'contain', background } as const;
      const lying = await conformed(await film(), { width: 256, height: 256, ...bars });
      near(await colourAt(lying, 4, 4, 24), rgb);
      near(await colourAt(lying, 200, 225, 24), rgb);
      near(await colourAt(lying, 8, 90, 16), MARGIN);
      const upright = await conformed(await film({ width: 144, height: 256 }), {
        width: 256,
        height: 256,
        ...bars,
      });
      near(await colourAt(upright, 4, 4, 24), rgb);
      near(await colourAt(upright, 225, 200, 24), rgb);
    });
  }

  test('blur fills the bars of contain with the picture itself, a little darker', async () => {
    const video = await conformed(await film(), { width: 256, height: 256, fit: 'blur' });
    near(
      await colourAt(video, 4, 4, 24),
      MARGIN.map((value) => value - 20),
      10,
    );
  });

  test('transparency becomes black, and half transparency half as bright', async () => {
    const file = at('glass.mov');
    const glass =
      "color=0xc82828:s=128x128,format=rgba,geq=r=r(X\\,Y):g=g(X\\,Y):b=b(X\\,Y):a='if(lt(X,64),128,if(lt(X,96),0,255))'";
    await run('-f', 'lavfi', '-i', glass, '-frames:v', '2', '-c:v', 'qtrle', file);
    const video = await conformed(file, { width: 128, height: 128, fit: 'contain' });
    near(await colourAt(video, 20, 50, 24), [100, 20, 20], 6);
    near(await colourAt(video, 72, 50, 16), [0, 0, 0], 6);
    near(await colourAt(video, 104, 50, 16), [200, 40, 40], 6);
  });

  test('all fits of one profile have the same stream header', async () => {
    const file = await film();
    const headers = new Set<string>();
    for (const look of [
      { fit: 'contain' },
      { fit: 'cover' },
      { fit: 'blur' },
      { fit: 'contain', background: '#123456' },
    ] as const) {
      const { entry } = await readPicture(await conformed(file, { width: 128, height: 128, ...look }));
      headers.add(entry.toString('hex'));
    }
    assert.equal(headers.size, 1);
  });
});
