import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { takeCover } from '../../functions/media/cover.ts';
import { readPicture } from '../../functions/media/mp4/tracks.ts';
import { FILM, makeCounted, toYuv } from '../fixtures/media/counted-film.ts';
import { ffmpeg as run } from '../fixtures/media/finished.ts';
import { useMedia } from '../fixtures/media/media.ts';
import { placeOf, readFilm } from '../fixtures/media/read-film.ts';

const { signal } = new AbortController();
const TAGS = [
  '-colorspace',
  'bt709',
  '-color_primaries',
  'bt709',
  '-color_trc',
  'bt709',
  '-color_range',
  'tv',
];
/** As conformed clips are, and as clips of others may be. */
const CLIPS = { conformed: ['-bf', '0', '-g', '60'], copied: ['-bf', '3', '-g', '250', '-refs', '4'] };
/** Of 255. Half of the colour's pixels are averaged over two, and a JPEG has steps. */
const TOLERANCE = 8;

describe('a cover', () => {
  const { ffmpeg, at } = useMedia();
  let count = 0;

  async function cover(video: string, rate: { num: number; den: number }, frame: number | null) {
    const dir = at(`cover-${++count}`);
    await mkdir(dir);
    const out = join(dir, 'cover.jpg');
    await takeCover(ffmpeg, { video, rate, frame, out, dir, signal });
    const png = join(dir, 'cover.png');
    await run('-i', out, png);
    const [read] = await readFilm(png, placeOf(FILM.width / FILM.height, FILM));
    assert.ok(read);
    return read;
  }

  for (const [kind, options] of Object.entries(CLIPS)) {
    for (const rate of [
      { num: 30, den: 1 },
      { num: 30000, den: 1001 },
    ]) {
      test(`shows exactly the frame that was asked for, in its colours: ${kind}, ${rate.num}/${rate.den}`, async () => {
        const film = { ...FILM, rate: `${rate.num}/${rate.den}`, frames: 70 };
        const file = await makeCounted(
          at(`${kind}-${rate.num}.mp4`),
          film,
          ['-an', '-c:v', 'libx264', '-crf', '12', ...options, ...TAGS],
          toYuv(),
        );
        for (const frame of [0, 1, 29, 59, 60, 61, 69]) {
          const read = await cover(file, rate, frame);
          assert.equal(read.frame, frame);
          assert.ok(Math.max(...read.colours) <= TOLERANCE, `colours: ${read.colours}`);
        }
      });
    }
  }

  test('without a time shows none of the black pictures that a clip begins with', async () => {
    const file = at('late.mp4');
    const black = `color=black:s=256x144:r=30:d=1`;
    await run(
      ...['-f', 'lavfi', '-i', black, '-f', 'lavfi', '-i', 'testsrc2=s=256x144:r=30:d=2'],
      ...['-filter_complex', '[0][1]concat,format=yuv420p', '-c:v', 'libx264', '-bf', '0', ...TAGS, file],
    );
    const dir = at('brightness');
    await mkdir(dir);
    const out = join(dir, 'cover.jpg');
    await takeCover(ffmpeg, { video: file, rate: { num: 30, den: 1 }, frame: null, out, dir, signal });
    const pixels = await run('-i', out, '-vf', 'scale=1:1:flags=area,format=gray', '-f', 'rawvideo', '-');
    assert.ok((pixels[0] ?? 0) > 50, `brightness ${pixels[0]}`);
  });

  test('of a frame that is damaged is another one, and of none that can be decoded a failure', async () => {
    const rate = { num: 30, den: 1 };
    const file = await makeCounted(at('damaged.mp4'), { ...FILM, frames: 20, flash: 2 }, [
      ...['-an', '-c:v', 'libx264', '-crf', '12', '-bf', '0', ...TAGS],
    ]);
    const { offsets, sizes } = await readPicture(file);
    const bytes = await readFile(file);
    const damage = async (frames: readonly number[]) => {
      // What is behind the header of its slice.
      for (const frame of frames) {
        const from = offsets[frame] as number;
        bytes.fill(7, from + 6, from + (sizes[frame] as number));
      }
      await writeFile(file, bytes);
    };
    await damage([19]);
    assert.ok((await cover(file, rate, 19)).frame < 19);
    await damage([...sizes.keys()]);
    await assert.rejects(cover(file, rate, 19), { code: 'conform_failed' });
  });

  test('of a clip of one frame is that frame, with and without a time', async () => {
    const file = await makeCounted(at('one.mp4'), { ...FILM, frames: 1, flash: 9 }, [
      ...['-an', '-c:v', 'libx264', '-crf', '12', '-bf', '0', ...TAGS],
    ]);
    for (const frame of [0, null]) assert.equal((await cover(file, { num: 30, den: 1 }, frame)).frame, 0);
  });
});
