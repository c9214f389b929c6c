import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gridStart, measureRate, readPackets } from '../../functions/media/packets.ts';

const HEADER =
  '#software: Lavf61\n#tb 0: 1/1000\n#media_type 0: video\n#tb 1: 1/48000\n#media_type 1: audio\n';

describe('readPackets', () => {
  test('reads both streams in presentation order', () => {
    const list = `${HEADER}0,          0,         40,       40,     4946, 0x4d575784
0,         40,          0,       40,     1960, 0x6ac0d3c9, F=0x0
1,          0,          0,     1024,      256, 0xe85a7828, F=0x5, S=1,       10
1,       1024,       1024,      512,      256, 0xe85a7828
`;
    assert.deepEqual(readPackets(list), [
      { kind: 'video', times: [0, 0.04], end: 0.08 },
      { kind: 'audio', times: [0, 1024 / 48_000], end: 1536 / 48_000 },
    ]);
  });

  test('leaves out packets that an edit list removes', () => {
    const [film] = readPackets(
      `${HEADER}0, -80, -80, 40, 1, 0x0\n0, -40, -40, 40, 1, 0x0\n0, 0, 0, 40, 1, 0x0\n`,
    );
    assert.deepEqual(film, { kind: 'video', times: [0], end: 0.04 });
  });

  test('uses the decoding order if no presentation time is known', () => {
    const [film] = readPackets(`${HEADER}0, 40, -9223372036854775808, 40, 1, 0x0\n`);
    assert.deepEqual(film?.times, [0.04]);
  });

  test('returns nothing for empty output', () => assert.deepEqual(readPackets(''), []));
});

/** The times of `count` frames, each moved by `off`. */
function times(count: number, fps: number, off: (frame: number) => number = () => 0): number[] {
  return Array.from({ length: count }, (_, frame) => frame / fps + off(frame));
}
/** The times as stored in a container that counts in milliseconds. */
const inMilliseconds = (list: number[]) => list.map((time) => Math.round(time * 1000) / 1000);

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

  for (const [fallback, num, den] of [
    [30, 30, 1],
    [29.97, 30000, 1001],
    [7, 7000, 1000],
  ] as const) {
    test(`uses the rate of the header, ${fallback}, if there are too few frames`, () => {
      assert.deepEqual(measureRate(times(5, 50), fallback), { num, den });
      assert.deepEqual(measureRate([], fallback), { num, den });
    });
  }
});

describe('gridStart', () => {
  const rate = { num: 30, den: 1 };
  const times = (count: number, waver: (at: number) => number) =>
    Array.from({ length: count }, (_, at) => at / 30 + waver(at));

  test('finds the grid of jittering times, wherever it begins', () => {
    const start =
      gridStart(
        times(60, (at) => 0.5 + 0.009 * Math.sin(at * 7)),
        rate,
      ) ?? Number.NaN;
    assert.ok(Math.abs(start - 0.5) < 0.001, `${start}`);
    assert.equal(gridStart([0.25], rate), 0.25);
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
    assert.equal(gridStart([], rate), null);
  });
});
