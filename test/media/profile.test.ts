import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { chooseProfile, h264Level, timescale } from '../../functions/media/profile.ts';
import { STANDARD_RATES } from '../../functions/model/frame-rate.ts';
import type { Probe } from '../../functions/model/probe.ts';
import { PLAIN_OUTPUT } from '../fixtures/media/plain-choices.ts';
import { probedVideo } from '../fixtures/media/probed-video.ts';

function probed(width: number, height: number, num = 30, den = 1): Probe {
  return { seconds: 2, audio: null, video: probedVideo({ width, height, rate: { num, den } }) };
}

const of = (probe: Probe) => ({ any: probe, moving: probe });

describe('chooseProfile', () => {
  for (const [what, wanted, first, width, height, num, den] of [
    ['nothing is known', {}, undefined, 1080, 1920, 30, 1],
    ['the first clip has a picture', {}, probed(720, 1280, 25), 720, 1280, 25, 1],
    ['the first clip is odd-sized', {}, probed(853, 481), 854, 482, 30, 1],
    ['the first clip has an odd rate', {}, probed(640, 360, 179, 6), 640, 360, 30000, 1001],
    ['the first clip is tiny', {}, probed(1, 3), 16, 16, 30, 1],
    ['everything is requested', { width: 64, height: 66, fps: 60 }, probed(1, 1), 64, 66, 60, 1],
    ['only a rate is requested', { fps: 29.97 }, probed(640, 360, 25), 640, 360, 30000, 1001],
    ['only a size is requested', { width: 64, height: 64 }, probed(640, 360, 24), 64, 64, 24, 1],
    ['the first file has no picture', {}, { ...probed(1, 1), video: null }, 1080, 1920, 30, 1],
  ] as const) {
    test(`if ${what}: ${width}x${height} at ${num}/${den}`, () => {
      assert.deepEqual(chooseProfile({ ...PLAIN_OUTPUT, ...wanted }, { any: first, moving: first }), {
        width,
        height,
        rate: { num, den },
        fit: 'contain',
        background: '#000000',
      });
    });
  }

  for (const [width, height, num] of [
    [7680, 4320, 30],
    [4096, 4096, 60],
    [20000, 100, 30],
    [100, 20000, 60],
    [12000, 12000, 10],
  ] as const) {
    test(`reduces ${width}x${height} at ${num} to level 5.2, keeping its aspect ratio`, () => {
      const profile = chooseProfile(PLAIN_OUTPUT, of(probed(width, height, num)));
      const [across, down] = [Math.ceil(profile.width / 16), Math.ceil(profile.height / 16)];
      assert.ok(across * down <= 36_864 && across * down * num <= 2_073_600 && Math.max(across, down) <= 543);
      assert.ok(profile.width % 2 === 0 && profile.height % 2 === 0);
      // The shorter side is rounded to an even number.
      const short = Math.min(profile.width, profile.height);
      assert.ok(Math.abs(profile.width / profile.height / (width / height) - 1) <= 2 / short);
      assert.ok(profile.width * profile.height > 0.9 * 36_864 * 256 * Math.min(1, 56 / num) || short < 200);
    });
  }

  test('keeps upright 4K at 60', () => {
    assert.deepEqual(chooseProfile(PLAIN_OUTPUT, of(probed(2160, 3840, 60))), {
      width: 2160,
      height: 3840,
      rate: { num: 60, den: 1 },
      fit: 'contain',
      background: '#000000',
    });
  });
});

describe('h264Level', () => {
  for (const [width, height, num, den, level] of [
    [1280, 720, 30, 1, '3.1'],
    [1280, 720, 60, 1, '4.0'],
    [1080, 1920, 30, 1, '4.0'],
    [1920, 1080, 30000, 1001, '4.0'],
    [1080, 1920, 60, 1, '4.2'],
    [2560, 1440, 30, 1, '5.0'],
    [3840, 2160, 30, 1, '5.1'],
    [3840, 2160, 60, 1, '5.2'],
  ] as const) {
    test(`${width}x${height} at ${num}/${den} is level ${level}`, () => {
      assert.equal(h264Level({ width, height, rate: { num, den } }).name, level);
    });
  }
});

test('a frame of every standard rate lasts a whole number of ticks of the time scale', () => {
  for (const rate of STANDARD_RATES) assert.ok(Number.isInteger((timescale(rate) * rate.den) / rate.num));
});
