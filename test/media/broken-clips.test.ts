/** Truncated uploads and files that are not what they claim to be end in an error that says what was found. */
import assert from 'node:assert/strict';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { PermanentError } from '../../functions/base/errors.ts';
import { probe } from '../../functions/media/probe.ts';
import { exifBlock, jpegWith } from '../fixtures/media/exif.ts';
import { ffmpeg as run } from '../fixtures/media/finished.ts';
import { take } from '../fixtures/media/hostile-files.ts';
import { useMedia } from '../fixtures/media/media.ts';
import { makeOddClip, makeStill, ODD_CLIPS, type OddClip, STILLS } from '../fixtures/media/odd-clips.ts';

const { signal } = new AbortController();
const FRAMES = 120;
const FASTSTART = ['-movflags', '+faststart'];

describe('a truncated clip', () => {
  const { ffmpeg, at } = useMedia();
  let count = 0;

  async function taken(bytes: Buffer) {
    const file = at(`bytes-${++count}`);
    await writeFile(file, bytes);
    await mkdir(`${file}-made`);
    return take(ffmpeg, file, `${file}-made`);
  }

  async function whole(name: string, more: readonly string[]): Promise<Buffer> {
    const clip = ODD_CLIPS.find((candidate) => candidate.name === name) as OddClip;
    const file = at(`${++count}${/\.\w+$/.exec(name)?.[0]}`);
    await makeOddClip(file, { ...clip, film: { frames: FRAMES }, output: [...clip.output, ...more] });
    return readFile(file);
  }

  for (const [name, more] of [
    ['h264.mp4', []],
    ['h264.mp4', FASTSTART],
    ['hevc.mp4', FASTSTART],
    ['h264 with PCM.mov', FASTSTART],
    ['prores.mov', []],
    ['h264 with FLAC.mkv', []],
    ['vp9.webm', []],
    ['mjpeg.avi', []],
  ] as const) {
    test(`${name}${more.length > 0 ? ' with its index first' : ''}, at any place`, async () => {
      const bytes = await whole(name, more);
      for (const share of [0.9, 0.5, 0.1]) {
        const outcome = await taken(bytes.subarray(0, Math.floor(bytes.length * share)));
        assert.ok(PermanentError.is(outcome), `${share}: ${JSON.stringify(outcome)}`);
        assert.match(outcome.code, /^media_(truncated|unreadable)$/);
        assert.match(outcome.message, /Expected .* got/);
      }
    });
  }

  test('of MPEG-TS, which stores no length, is accepted as far as it goes', async () => {
    const bytes = await whole('mpeg2.ts', []);
    const outcome = await taken(bytes.subarray(0, Math.floor(bytes.length / 2)));
    assert.ok(!PermanentError.is(outcome) && outcome.frames > 40 && outcome.frames < 80);
  });

  for (const still of STILLS.slice(0, 4)) {
    test(`${still.name} that ends anywhere says so`, async () => {
      const file = at(`still-${++count}`);
      await makeStill(file, still);
      const bytes = await readFile(file);
      for (const share of [0.02, 0.33, 0.9]) {
        const outcome = await taken(bytes.subarray(0, Math.max(20, Math.floor(bytes.length * share))));
        assert.ok(PermanentError.is(outcome), `${share}: ${JSON.stringify(outcome)}`);
        assert.equal(outcome.code, 'media_truncated', `${share}: ${outcome.message}`);
      }
    });
  }

  test('a JPEG that lacks only its end marker is accepted, because some cameras leave it out', async () => {
    const file = at(`still-${++count}`);
    await makeStill(file, STILLS[2] as (typeof STILLS)[number]);
    const bytes = await readFile(file);
    assert.ok(!PermanentError.is(await taken(bytes.subarray(0, -2))));
  });

  test('the type of a file follows from its bytes, not from its name', async () => {
    const bytes = await whole('vp9.webm', []);
    await writeFile(at('a.mp4'), bytes);
    const found = await probe(ffmpeg, at('a.mp4'), { signal });
    assert.equal(found.video?.packets, FRAMES);
  });

  for (const [turn, width, height] of [
    [1, 256, 144],
    [6, 144, 256],
    [8, 144, 256],
    [3, 256, 144],
  ] as const) {
    test(`a photo has the size in which it is displayed: EXIF orientation ${turn}`, async () => {
      const file = at(`photo-${turn}`);
      await makeStill(file, STILLS[2] as (typeof STILLS)[number]);
      await writeFile(file, jpegWith(await readFile(file), exifBlock(turn)));
      const { video } = await probe(ffmpeg, file, { signal });
      assert.deepEqual([video?.width, video?.height, video?.still], [width, height, true]);
    });
  }

  test('cover art does not count as the video of a clip', async () => {
    const art = at('art.jpg');
    await run('-f', 'lavfi', '-i', 'color=red:s=64x64', '-frames:v', '1', art);
    const song = at('song.mp3');
    const tag = ['-map', '0', '-map', '1', '-c:v', 'copy', '-disposition:v', 'attached_pic'];
    await run('-f', 'lavfi', '-i', 'sine=d=1', '-i', art, ...tag, song);
    await copyFile(song, at('song'));
    assert.equal((await probe(ffmpeg, at('song'), { signal })).video, null);
  });
});
