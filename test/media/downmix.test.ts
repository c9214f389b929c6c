import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { downmix } from '../../functions/media/downmix.ts';

describe('channels', () => {
  for (const layout of ['hexadecagonal', '22.2', '5.1.2', '7.1(top)', 'cube', 'ambisonic 0']) {
    test(`of ${layout} are mixed down by ffmpeg itself`, () => assert.equal(downmix(layout), ''));
  }

  for (const layout of ['', 'mono', 'stereo', 'downmix', 'quad(side)', '5.1(side)', '6.1(front)', '7.1']) {
    test(`of ${layout || 'no name'} are mixed down by the names of their places`, () =>
      assert.equal(
        downmix(layout),
        'pan=stereo|c0<FL+DL+0.71*FC+0.71*BC+0.71*SL+0.71*BL+0.71*FLC|' +
          'c1<FR+DR+0.71*FC+0.71*BC+0.71*SR+0.71*BR+0.71*FRC,',
      ));
  }

  for (const layout of ['1 channels', '1 channels (FC)', '1 channels (LFE)']) {
    test(`of ${layout} are heard on both sides`, () =>
      assert.equal(downmix(layout), 'pan=stereo|c0=c0|c1=c0,'));
  }

  for (const [layout, left, right] of [
    // As in a QuickTime file in the order of MPEG 5.1 B.
    ['6 channels (FL+FR+SL+SR+FC+LFE)', 'c0+0.71*c2+0.71*c4', 'c1+0.71*c3+0.71*c4'],
    ['8 channels (FL+FR+FC+LFE+SL+SR+FLC+FRC)', 'c0+0.71*c2+0.71*c4+0.71*c6', 'c1+0.71*c2+0.71*c5+0.71*c7'],
    // As ffmpeg guesses them: 4.0 and 5.1.
    ['4 channels', 'c0+0.71*c2+0.71*c3', 'c1+0.71*c2+0.71*c3'],
    ['4 channels (UNSD+UNSD+UNSD+UNSD)', 'c0+0.71*c2+0.71*c3', 'c1+0.71*c2+0.71*c3'],
    ['6 channels', 'c0+0.71*c2+0.71*c4', 'c1+0.71*c2+0.71*c5'],
    // Pairs, and the last one in the middle.
    ['9 channels', 'c0+c2+c4+c6+c8', 'c1+c3+c5+c7+c8'],
    ['2 channels (UNSD+UNSD)', 'c0', 'c1'],
    ['3 channels (FL+UNSD+FR@own)', 'c0', 'c1+c2'],
    // Nothing but low frequencies: silence rather than a graph that cannot be built.
    ['2 channels (LFE+LFE2)', '0*c0', '0*c0'],
  ] as const) {
    test(`of ${layout} go where they belong`, () =>
      assert.equal(downmix(layout), `pan=stereo|c0<${left}|c1<${right},`));
  }

  test('of a full sphere are heard from the left and from the right', () => {
    for (const layout of ['ambisonic 1', 'ambisonic 3', 'ambisonic 1+stereo']) {
      assert.equal(downmix(layout), 'pan=stereo|c0=0.5*c0+0.5*c1|c1=0.5*c0-0.5*c1,');
    }
  });
});
