import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gridStart, measureRate, offGrid } from '../../functions/media/frame-grid.ts';

/** The times of `count` frames, each moved by `off`. */
function times(count: number, fps: number, off: (frame: number) => number = () => 0): Float64Array {
  return Float64Array.from({ length: count }, (_, frame) => frame / fps + off(frame));
}

/** The times as stored in a container that counts in milliseconds. */
const inMilliseconds = (list: Float64Array) => list.map((time) => Math.round(time * 1000) / 1000);

describe('measureRate', () => {
  for (const [what, list, num, den] of [
    ['25', times(50, 25), 25, 1],
    ['29.97', times(90, 30000 / 1001), 30000, 1001],
    ['30', times(90, 30), 30, 1],
    ['60 in milliseconds', inMilliseconds(times(150, 60)), 60, 1],
    ['29.97 in milliseconds', inMilliseconds(times(90, 30000 / 1001)), 30000, 1001],
    ['30 with two dropped frames', times(200, 30).filter((_, at) => at !== 20 && at !== 90), 30, 1],
    ['29.833, which is not a standard rate', times(90, 179 / 6), 29833, 1000],
    ['30 with long pauses', times(90, 30, (frame) => Math.floor(frame / 10) * 0.5), 30, 1],
    ['30 if every tenth frame is late', times(90, 30, (frame) => (frame % 10 === 5 ? 0.012 : 0)), 30, 1],
    ['30 with the jitter of a phone', times(90, 30, (frame) => ((frame * 7) % 5) * 0.001), 30, 1],
  ] as const) {
    test(`finds ${what}`, () => assert.deepEqual(measureRate(list, 99), { num, den }));
  }

  test('takes how long a single frame lasts if the header of its fragment says something odd', () => {
    assert.deepEqual(measureRate(times(1, 30), 18.29, { lasts: 1 / 30 }), { num: 30, den: 1 });
    assert.deepEqual(measureRate(times(1, 30), 25, { lasts: 1 / 30 }), { num: 25, den: 1 });
    assert.deepEqual(measureRate(times(1, 30), 0.5, { lasts: 2 }), { num: 500, den: 1000 });
  });

  for (const [fallback, num, den] of [
    [30, 30, 1],
    [29.97, 30000, 1001],
    [7, 7000, 1000],
  ] as const) {
    test(`uses the rate of the header, ${fallback}, if there are too few frames`, () => {
      assert.deepEqual(measureRate(times(5, 50), fallback), { num, den });
      assert.deepEqual(measureRate(Float64Array.of(), fallback), { num, den });
    });
  }
});

describe('gridStart', () => {
  const rate = { num: 30, den: 1 };
  const times = (count: number, waver: (at: number) => number) =>
    Float64Array.from({ length: count }, (_, at) => at / 30 + waver(at));

  test('finds the grid of jittering times, wherever it begins', () => {
    const start =
      gridStart(
        times(60, (at) => 0.5 + 0.009 * Math.sin(at * 7)),
        rate,
      ) ?? Number.NaN;
    assert.ok(Math.abs(start - 0.5) < 0.001, `${start}`);
    assert.equal(gridStart(Float64Array.of(0.25), rate), 0.25);
  });

  test('finds none if a frame is missing or the rate differs', () => {
    assert.equal(
      gridStart(
        times(60, (at) => (at > 30 ? 1 / 30 : 0)),
        rate,
      ),
      null,
    );
    assert.equal(
      gridStart(
        times(600, (at) => at / 3000),
        rate,
      ),
      null,
    );
    assert.equal(gridStart(Float64Array.of(), rate), null);
  });
});

describe('offGrid', () => {
  const RATE = { num: 30, den: 1 };
  for (const [what, list, expected] of [
    ['nothing for exact times', times(90, 30), 0],
    ['the wavering of a container, counted from the first frame', inMilliseconds(times(90, 30)), 0.01],
    ['all others if the first frame is late', times(90, 30, (frame) => (frame === 0 ? 0.01 : 0)), 0.3],
    ['a rate that drifts away', times(301, 30.03), 0.3],
    ['a dropped frame', times(90, 30).filter((_, at) => at !== 20), 1],
    ['nothing for a single frame', times(1, 30), 0],
  ] as const) {
    test(`finds ${what}`, () => assert.ok(Math.abs(offGrid(list, RATE) - expected) < 0.001));
  }
});
