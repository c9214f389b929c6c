/**
 * Remuxed files with bytes that ffmpeg would not write: whoever takes over ffmpeg could. Each is refused soon, or every frame
 * of it is within the file, is one picture, and is decoded with the header that was told.
 */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { before, describe, test } from 'node:test';
import { readPicture } from '../../../functions/media/mp4/tracks.ts';
import { CopyRefused } from '../../../functions/media/native/copy-clip.ts';
import { checkRemuxed } from '../../../functions/media/native/remuxed.ts';
import { type Copy, copyOf, encode, SMALL } from '../../fixtures/media/copied-joins.ts';
import { useMedia } from '../../fixtures/media/media.ts';
import { EXHAUSTIVE } from '../../fixtures/system/sample.ts';

const MUTANTS = EXHAUSTIVE ? 20_000 : 200;
const { signal } = new AbortController();
const FRAMES = 20;

describe('a mutated remux', () => {
  const { ffmpeg, at } = useMedia();
  let copy: Copy;
  let bytes: Buffer;

  before(async () => {
    const output = ['-c:v', 'libx264', '-x264-params', 'bframes=2:b-adapt=0:aud=1:slices=2'];
    await encode(at('film.mp4'), { frames: FRAMES, output });
    copy = await copyOf(ffmpeg, at('film.mp4'), { dir: at('copy') });
    bytes = await readFile(copy.video);
  });

  test('is the same clip, or refused', async () => {
    let refused = 0;
    const index = bytes.indexOf('moov');
    const entry = (await readPicture(copy.video)).entry;
    for (let seed = 0; seed < MUTANTS; seed++) {
      const file = at('mutant.mp4');
      await writeFile(file, mutated(bytes, index, seed));
      try {
        const header = await checkRemuxed(file, FRAMES, SMALL, signal);
        const picture = await readPicture(file);
        assert.equal(picture.sizes.length, FRAMES);
        assert.equal(header === copy.header, picture.entry.equals(entry), `mutant ${seed}`);
        for (const [frame, size] of picture.sizes.entries()) {
          const from = picture.offsets[frame] as number;
          assert.ok(from >= 0 && size > 0 && from + size <= bytes.length, `mutant ${seed}, frame ${frame}`);
        }
      } catch (error) {
        assert.ok(error instanceof CopyRefused, `mutant ${seed}: ${error}`);
        refused += 1;
      }
    }
    assert.ok(refused > MUTANTS / 4 && refused < MUTANTS, `${refused} of ${MUTANTS} were refused`);
  });

  test('cut off anywhere is refused', async () => {
    for (let share = 0; share < 20; share++) {
      await writeFile(at('cut.mp4'), bytes.subarray(0, Math.floor((bytes.length * share) / 20)));
      await assert.rejects(checkRemuxed(at('cut.mp4'), FRAMES, SMALL, signal), CopyRefused);
    }
  });

  test('with another number of frames than were listed is refused', async () => {
    await assert.rejects(
      checkRemuxed(copy.video, FRAMES + 1, SMALL, signal),
      /21 frames, of which 20 can be/,
    );
  });
});

/** Up to four changes, three in four of them in the index: a bit, a byte, a word, or bytes that are repeated. */
function mutated(bytes: Buffer, index: number, seed: number): Buffer {
  const random = numbers(seed);
  const copy = Buffer.from(bytes);
  for (let left = 1 + random(4); left > 0; left--) {
    const at = random(4) === 0 ? random(index) : index + random(bytes.length - index - 8);
    const kind = random(4);
    if (kind === 0) copy[at] = (copy[at] as number) ^ (1 << random(8));
    else if (kind === 1) copy[at] = random(256);
    else if (kind === 2)
      copy.writeUInt32BE([0, 1, 0x7fff_ffff, 0xffff_ffff, random(4096)][random(5)] as number, at);
    else copy.copy(copy, at, index + random(bytes.length - index - 8), index + random(bytes.length - index));
  }
  return copy;
}

/** The same for the same seed; see https://en.wikipedia.org/wiki/Linear_congruential_generator. */
function numbers(seed: number): (below: number) => number {
  let state = (seed * 2_654_435_761 + 1) >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
