import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import type { Movie } from '../../../functions/media/mp4/movie.ts';
import { writeMovie } from '../../../functions/media/mp4/write-movie.ts';
import { FFMPEG } from '../../fixtures/media/finished.ts';
import { finishedBoxes, wrongBoxes } from '../../fixtures/media/finished-boxes.ts';
import { filmFacts, frameHashes } from '../../fixtures/media/measure.ts';
import { useMedia } from '../../fixtures/media/media.ts';
import { makeParts, readParts } from '../../fixtures/media/movie-parts.ts';
import { descriptors } from '../../fixtures/system/left-over.ts';
import { tempDir } from '../../fixtures/system/temp-dir.ts';

const run = promisify(execFile);
const { signal } = new AbortController();
const DEBIAN = '/usr/bin/ffmpeg';
const DECODERS = [FFMPEG, ...(existsSync(DEBIAN) && FFMPEG !== DEBIAN ? [DEBIAN] : [])];
/** One frame, several, and more than the distance of two sync frames. */
const CLIPS = [37, 1, 22];
const FRAMES = 60;

/** Lines "stream, dts, pts, duration, size, MD5" of what is decoded. */
async function decoded(binary: string, file: string): Promise<string[]> {
  const args = ['-nostdin', '-v', 'error', '-i', file, '-map', '0:v', '-f', 'framemd5', '-'];
  return (await run(binary, args)).stdout.split('\n').filter((line) => /^\d/.test(line));
}

describe('a written video', () => {
  const { at } = useMedia();
  const kinds = new Map<number, { clips: string[]; sound: string }>();
  let count = 0;

  before(async () => {
    for (const bFrames of [0, 3]) kinds.set(bFrames, await makeParts(at(''), { clips: CLIPS, bFrames }));
  });

  async function written(movie: Movie) {
    const out = at(`out-${++count}.mp4`);
    return { out, facts: await writeMovie(movie, out, { signal }) };
  }
  const parts = (bFrames: number) => kinds.get(bFrames) as { clips: string[]; sound: string };

  for (const [bFrames, editLists] of [
    [0, false],
    [0, true],
    [3, false],
    [3, true],
  ] as const) {
    const what = `${bFrames} B-frames in a row and ${editLists ? 'edit lists' : 'no edit list'}`;
    test(`of clips with ${what} has all frames, at their times, in every ffmpeg`, async () => {
      const { clips } = parts(bFrames);
      const { out, facts } = await written(await readParts(parts(bFrames), { editLists }));
      const expected = (await Promise.all(clips.map(frameHashes))).flat();
      for (const binary of DECODERS) {
        const lines = (await decoded(binary, out)).map((line) => line.split(/, +/));
        assert.deepEqual(
          lines.map((fields) => fields[5]),
          expected,
          binary,
        );
        assert.deepEqual(
          lines.map((fields) => Number(fields[2])),
          Array.from({ length: FRAMES }, (_, frame) => frame),
          binary,
        );
        const { complaints, even, start } = await filmFacts(out, binary);
        assert.deepEqual([complaints, even, start], ['', true, 0], binary);
      }
      assert.deepEqual(wrongBoxes(await finishedBoxes(out), { editLists }), []);
      assert.equal((await stat(out)).size, facts.bytes);
      const bytes = await readFile(out);
      assert.equal(facts.isIndexFirst, bytes.indexOf('moov') < bytes.indexOf('mdat'));
      assert.equal(facts.editLists, bytes.toString('latin1').split('elst').length - 1);
    });
  }

  test('is told apart from files that are not finished videos', async () => {
    const { out } = await written(await readParts(parts(3), { editLists: true }));
    assert.deepEqual(wrongBoxes(await finishedBoxes(out)), ['an edit list']);
    assert.deepEqual(wrongBoxes(await finishedBoxes(parts(3).clips[0] as string)), [
      'boxes in the order ftyp free mdat moov',
      'an edit list',
    ]);
  });

  test('has an ordinary media box and places of four bytes', async () => {
    const { out } = await written(await readParts(parts(0)));
    const { inside } = await finishedBoxes(out);
    assert.deepEqual([inside.includes('stco'), inside.includes('co64')], [true, false]);
    const bytes = await readFile(out);
    const mdat = bytes.indexOf('mdat', 0, 'latin1') - 4;
    assert.equal(bytes.readUInt32BE(mdat), bytes.length - mdat);
  });

  test('tells what a check needs: sizes, rates, gaps, levels and lengths', async () => {
    const { facts, out } = await written(await readParts(parts(3)));
    const { picture, sound } = facts;
    const { width, height, fps, seconds, profileIdc } = picture;
    assert.deepEqual({ width, height, fps, seconds }, { width: 128, height: 72, fps: 30, seconds: 2 });
    assert.equal(profileIdc, 100);
    // Of 37 frames with one in 25, the first gap is the longest.
    assert.equal(picture.longestSyncGapSeconds, 25 / 30);
    const list = await run(FFMPEG, [
      '-v',
      'error',
      '-i',
      out,
      '-map',
      '0',
      '-c',
      'copy',
      '-f',
      'framecrc',
      '-',
    ]);
    const packets = [...list.stdout.matchAll(/^(\d), +-?\d+, +-?\d+, +\d+, +(\d+)/gm)].map((match) =>
      match.slice(1).map(Number),
    );
    const bits = (stream: number) =>
      packets.reduce((sum, [own, bytes]) => (own === stream ? sum + 8 * (bytes as number) : sum), 0);
    assert.equal(picture.bitsPerSecond, bits(0) / 2);
    assert.ok(picture.peakBitsPerSecond > picture.bitsPerSecond, `${picture.peakBitsPerSecond}`);
    assert.deepEqual([sound.channels, sound.sampleRate], [2, 48_000]);
    assert.equal(sound.bitsPerSecond, bits(1) / 2);
  });

  test('at 29.97 frames per second has them at their times', async () => {
    const rate = { num: 30000, den: 1001 };
    await using dir = await tempDir();
    const own = await makeParts(dir.path, { clips: [10, 21], rate });
    const { out, facts } = await written(await readParts(own, { rate }));
    const { frames, even, start, complaints } = await filmFacts(out);
    assert.deepEqual(
      { frames, even, start, complaints },
      { frames: 31, even: true, start: 0, complaints: '' },
    );
    assert.ok(Math.abs(facts.picture.seconds - (31 * 1001) / 30000) < 1e-9);
  });

  test('of a clip that comes several times has it several times', async () => {
    const movie = await readParts(parts(0));
    const [first] = movie.clips as [Movie['clips'][number]];
    const clips = Array.from({ length: 60 }, () => movie.clips[1] as typeof first);
    const { out } = await written({ ...movie, clips });
    const [hash] = await frameHashes(parts(0).clips[1] as string);
    assert.deepEqual(await frameHashes(out), Array(60).fill(hash));
  });

  test('is not begun for clips with other headers, or with sound of another length', async () => {
    const [plain, other] = [await readParts(parts(0)), await readParts(parts(3))];
    const out = at('refused.mp4');
    const mixed = { ...plain, clips: [...plain.clips, ...other.clips] };
    await assert.rejects(
      writeMovie(mixed, out, { signal }),
      /Expected clips with one header, got another one in clip 4/,
    );
    await assert.rejects(writeMovie({ ...plain, clips: [] }, out, { signal }), /at least one clip/);
    const short = { ...plain, clips: plain.clips.slice(1) };
    await assert.rejects(writeMovie(short, out, { signal }), /Expected sound of 36800 samples, got 96000/);
    assert.equal(existsSync(out), false);
  });

  test('replaces no file that is there, and removes none', async () => {
    const out = at('there.mp4');
    await writeFile(out, 'mine');
    await assert.rejects(writeMovie(await readParts(parts(0)), out, { signal }), { code: 'EEXIST' });
    assert.equal(await readFile(out, 'utf8'), 'mine');
  });

  test('is gone after an abort, with the reason, and no file stays open', async () => {
    const movie = await readParts(parts(0));
    const open = descriptors();
    for (const polls of [1, 2, 3, 5]) {
      const out = at('aborted.mp4');
      const reason = new Error('stop');
      await assert.rejects(writeMovie(movie, out, { signal: abortsAtLook(polls, reason) }), reason);
      assert.equal(existsSync(out), false, `at look ${polls}`);
    }
    assert.deepEqual(descriptors(), open);
  });

  for (const [what, change, expected] of [
    ['is cut off', (file: string) => truncate(file, 700), /of clip\.mp4, got \d+: it was cut off/],
    ['is removed', (file: string) => rm(file), /ENOENT/],
  ] as const) {
    test(`is gone if a source ${what} after it was read`, async () => {
      await using dir = await tempDir();
      const clip = join(dir.path, 'clip.mp4');
      await copyFile(parts(0).clips[0] as string, clip);
      const { clips, sound } = parts(0);
      const movie = await readParts({ clips: [clip, ...clips.slice(1)], sound });
      await change(clip);
      const out = join(dir.path, 'out.mp4');
      await assert.rejects(writeMovie(movie, out, { signal }), expected);
      assert.equal(existsSync(out), false);
    });
  }
});

/** A signal that is aborted once it was looked at so often: a moment that no timer finds. */
function abortsAtLook(looks: number, reason: Error): AbortSignal {
  const controller = new AbortController();
  let left = looks;
  const { signal: real } = controller;
  return new Proxy(real, {
    get(target, name) {
      if (name === 'throwIfAborted') {
        return () => {
          left -= 1;
          if (left === 0) controller.abort(reason);
          target.throwIfAborted();
        };
      }
      return Reflect.get(target, name, target) as unknown;
    },
  });
}
