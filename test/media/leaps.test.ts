import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { withoutLeaps } from '../../functions/media/leaps.ts';
import type { ListedStream } from '../../functions/media/packets.ts';

const FRAME = 1 / 25;

/** Packets from each of these seconds on, for a second each. */
function stream(from: readonly number[], change: Partial<ListedStream> = {}): ListedStream {
  const times = Float64Array.from(
    from.flatMap((second) => Array.from({ length: 25 }, (_, at) => second + at * FRAME)),
  );
  const end = (times.at(-1) ?? 0) + FRAME;
  return {
    ...{
      kind: 'video',
      codec: 'h264',
      width: 64,
      height: 64,
      sampleAspect: 1,
      sampleRate: 0,
      layout: '',
      channels: 0,
    },
    ...{
      times,
      shown: times.length,
      filled: times.length,
      end,
      filledEnd: end,
      lastSeconds: FRAME,
      restarted: 0,
      extras: false,
    },
    ...change,
  };
}

const rounded = (value: number) => Math.round(value * 1e6) / 1e6;

describe('the times of a clip', () => {
  test('that leap together with those of its sound are moved together', () => {
    const found = withoutLeaps(stream([0, 5_000, 10_000]), stream([0.02, 5_000.02, 10_000.02]));
    assert.equal(found.leaps, true);
    assert.equal(rounded(found.end), 3);
    assert.deepEqual([...found.times].map(rounded), [...stream([0, 1, 2]).times].map(rounded));
  });

  for (const [what, film, sound] of [
    [
      'a picture that stands still while the sound goes on',
      [0, 20],
      Array.from({ length: 21 }, (_, at) => at),
    ],
    ['a picture that stands still after the sound', [0, 20], [0]],
    ['a picture that stands still before the sound', [0, 20], [20]],
    ['a picture without sound', [0, 7_200], undefined],
    ['a pause of some seconds', [0, 9], [0, 9]],
  ] as const) {
    test(`are kept of ${what}`, () => {
      const kept = stream(film);
      const { leaps, times, end } = withoutLeaps(kept, sound && stream(sound));
      assert.deepEqual([leaps, times, end], [false, kept.times, kept.end]);
    });
  }

  test('that begin anew go on after those before', () => {
    const { leaps, times, end } = withoutLeaps(stream([0], { restarted: 50 }), undefined);
    assert.deepEqual([leaps, times.length, rounded(end)], [true, 75, 3]);
  });

  test('of many pauses are compared with the sound in one pass', () => {
    const seconds = Array.from({ length: 20_000 }, (_, at) => at * 11);
    const began = performance.now();
    assert.equal(withoutLeaps(stream(seconds), stream(seconds)).times.length, 500_000);
    assert.ok(performance.now() - began < 5_000);
  });
});
