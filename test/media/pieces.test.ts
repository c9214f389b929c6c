import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type Piece, PieceReader, placed, putInPlace } from '../../functions/media/pieces.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

/** The pieces of packets at these times, each with so many samples. */
function pieces(packets: readonly (readonly [time: number, samples: number])[]): readonly Piece[] {
  const reader = new PieceReader();
  reader.add('#tb 0: 1/48000');
  for (const [time, samples] of packets) {
    reader.add(`0, ${time}, ${time}, ${samples}, ${samples * 4}, 0x1b2c3d4e`);
  }
  return reader.pieces();
}
const MOST = 1_000_000;

describe('the pieces of a decoded sound', () => {
  test('are one if every packet follows the one before', () => {
    assert.deepEqual(
      pieces([
        [0, 1_024],
        [1_024, 1_024],
        [2_048, 100],
      ]),
      [{ at: 0, samples: 2_148 }],
    );
  });

  test('begin where the timestamps leap', () => {
    assert.deepEqual(
      pieces([
        [0, 1_024],
        [50_000, 1_024],
      ]),
      [
        { at: 0, samples: 1_024 },
        { at: 50_000, samples: 1_024 },
      ],
    );
  });

  test('have their own time also where ffmpeg lists packets at the time of an earlier one', () => {
    const listed = pieces([
      [0, 1_024],
      [1_024, 1_024],
      [1_024, 1_000],
      [1_024, 1_000],
      [2_500, 1_000],
      [3_500, 10],
    ]);
    assert.deepEqual(listed, [
      { at: 0, samples: 2_048 },
      { at: 500, samples: 3_010 },
    ]);
  });

  test('are not countless', () => {
    const many = Array.from({ length: 10_001 }, (_, at) => [at * 5_000, 10] as const);
    assert.throws(() => pieces(many), { name: 'FfmpegError', message: /more than 10000 pieces/ });
  });
});

describe('where the pieces go', () => {
  for (const [what, found, wanted] of [
    ['a late start waits', [{ at: 480, samples: 100 }], [[480, 100, 0]]],
    ['what begins before 0 is cut off', [{ at: -40, samples: 100 }], [[0, 60, 40]]],
    [
      'a gap stays',
      [
        { at: 0, samples: 100 },
        { at: 5_000, samples: 10 },
      ],
      [
        [0, 100, 0],
        [5_000, 10, 100],
      ],
    ],
    [
      'an overlap is cut off',
      [
        { at: 0, samples: 5_000 },
        { at: 3_000, samples: 4_000 },
      ],
      [
        [0, 5_000, 0],
        [5_000, 2_000, 7_000],
      ],
    ],
    [
      'up to 20 ms are rounding',
      [
        { at: 0, samples: 5_000 },
        { at: 5_900, samples: 10 },
      ],
      [
        [0, 5_000, 0],
        [5_000, 10, 5_000],
      ],
    ],
    ['the end is the most that is wanted', [{ at: 999_990, samples: 100 }], [[999_990, 10, 0]]],
    ['what begins later is left out', [{ at: 2_000_000, samples: 100 }], []],
  ] as const) {
    test(what, () => {
      const kept = placed(found, MOST).map(({ at, samples, from }) => [at, samples, from]);
      assert.deepEqual(kept, wanted);
    });
  }

  test('many small steps never add up to more than 20 ms', () => {
    const steps = Array.from({ length: 50 }, (_, at) => ({ at: at * 1_500, samples: 1_000 }));
    for (const [nth, { at }] of placed(steps, MOST).entries()) assert.ok(Math.abs(at - nth * 1_500) <= 960);
  });
});

describe('the file of a sound in pieces', () => {
  const sound = Buffer.from(Int32Array.from([1, 2, 3, 4, 5]).buffer);

  test('is put together again, with silence between them', async () => {
    await using dir = await tempDir();
    const file = join(dir.path, 'x.s16le');
    await writeFile(file, sound);
    const samples = await putInPlace(
      file,
      [
        { at: -1, samples: 3 },
        { at: 2_000, samples: 2 },
      ],
      MOST,
    );
    assert.equal(samples, 2_002);
    const bytes = await readFile(file);
    const values = new Int32Array(new Uint8Array(bytes).buffer);
    assert.deepEqual([values.length, values[0], values[1], values[2], values[1_999]], [2_002, 2, 3, 0, 0]);
    assert.deepEqual([...values.subarray(2_000)], [4, 5]);
  });

  test('is left alone if there is one piece from 0 on', async () => {
    await using dir = await tempDir();
    const file = join(dir.path, 'x.s16le');
    await writeFile(file, sound);
    assert.equal(await putInPlace(file, [{ at: 0, samples: 5 }], MOST), 5);
    assert.deepEqual(await readFile(file), sound);
  });

  test('is not used if it is none of these pieces', async () => {
    await using dir = await tempDir();
    const file = join(dir.path, 'x.s16le');
    await writeFile(file, sound);
    await assert.rejects(putInPlace(file, [{ at: 0, samples: 6 }], MOST), { name: 'FfmpegError' });
  });
});
