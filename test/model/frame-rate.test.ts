import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nearestStandardRate, rateText, samplesOf } from '../../functions/model/frame-rate.ts';

describe('frame rates', () => {
  for (const [fps, expected] of [
    [29.97, '30000/1001'],
    [23.976, '24000/1001'],
    [59.94, '60000/1001'],
    [30, '30'],
    [12.5, '25/2'],
    [31, '30'],
    [1000, '60'],
  ] as const) {
    test(`${fps} is ${expected}`, () => assert.equal(rateText(nearestStandardRate(fps)), expected));
  }

  test('a second of frames is a second of samples, to half a sample', () => {
    assert.equal(samplesOf(30, { num: 30, den: 1 }), 48_000);
    assert.equal(samplesOf(1, { num: 30_000, den: 1001 }), 1602);
    assert.equal(samplesOf(30_000, { num: 30_000, den: 1001 }), 48_048_000);
  });
});
