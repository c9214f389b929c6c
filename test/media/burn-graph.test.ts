import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type BurnedOverlay, placeOf, withOverlays } from '../../functions/media/burn-graph.ts';
import { videoGraph } from '../../functions/media/conform-graph.ts';
import { conformIdentity } from '../../functions/media/conform-identity.ts';
import { filterText } from '../../functions/media/filter-text.ts';
import { safeBox } from '../../functions/media/safe-box.ts';
import { OVERLAY_POSITIONS } from '../../functions/model/overlays.ts';
import { plainProfile } from '../fixtures/media/plain-choices.ts';
import { probedVideo } from '../fixtures/media/probed-video.ts';

const LOGO = { file: '/made/picture.png', key: 'image/abc', width: 400, height: 200 };
const PLAIN: BurnedOverlay = {
  picture: LOGO,
  position: 'top_right',
  width: 20,
  opacity: 1,
  from: 0,
  to: null,
};
const UPRIGHT = { width: 1080, height: 1920 };

describe('the place of an overlay', () => {
  test('of 9:16 is where no app has its own controls', () => {
    assert.deepEqual(safeBox(UPRIGHT), { left: 120, top: 288, right: 888, bottom: 1248 });
    const placeAt = (position: BurnedOverlay['position']) => {
      const { x, y } = placeOf({ ...PLAIN, position }, UPRIGHT);
      return [x, y];
    };
    assert.deepEqual(OVERLAY_POSITIONS.map(placeAt), [
      ...[
        [120, 288],
        [432, 288],
        [672, 288],
      ],
      ...[
        [120, 906],
        [432, 906],
        [672, 906],
      ],
      ...[
        [120, 1140],
        [432, 1140],
        [672, 1140],
      ],
    ]);
  });

  test('of other shapes keeps a margin of 4 % of the shorter side', () => {
    assert.deepEqual(placeOf(PLAIN, { width: 1920, height: 1080 }), {
      x: 1492,
      y: 42,
      width: 384,
      height: 192,
    });
    assert.deepEqual(placeOf(PLAIN, { width: 1080, height: 1350 }), {
      x: 820,
      y: 42,
      width: 216,
      height: 108,
    });
  });

  test('covers the video exactly if it has its shape and width', () => {
    const picture = { ...LOGO, width: 1080, height: 1920 };
    for (const position of ['center', 'bottom'] as const) {
      assert.deepEqual(placeOf({ picture, position, width: 100 }, UPRIGHT), {
        x: 0,
        y: 0,
        width: 1080,
        height: 1920,
      });
    }
  });

  test('is within every video, even, and of the shape of the picture, whatever the numbers', () => {
    let seed = 7;
    const dice = (most: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return 1 + (seed % most);
    };
    for (let round = 0; round < 2_000; round++) {
      const frame = { width: 2 * dice(2_048), height: 2 * dice(2_048) };
      const picture = { ...LOGO, width: dice(2_160), height: dice(2_160) };
      const position = OVERLAY_POSITIONS[dice(9) - 1] as BurnedOverlay['position'];
      const place = placeOf({ picture, position, width: dice(100) }, frame);
      const told = JSON.stringify({ frame, picture, position, place });
      assert.ok(
        Object.values(place).every((number) => number >= 0 && number % 2 === 0),
        told,
      );
      assert.ok(place.width >= 2 && place.x + place.width <= frame.width, told);
      assert.ok(place.height >= 2 && place.y + place.height <= frame.height, told);
      // Nothing is narrower than two pixels.
      if (Math.min(place.width, place.height) <= 2) continue;
      const exact = (place.width * picture.height) / picture.width;
      assert.ok(Math.abs(place.height - exact) <= 2 + picture.height / picture.width, told);
    }
  });
});

describe('the graph of overlays', () => {
  const profile = plainProfile(1080, 1920);

  test('without one is the same as before', () => {
    const wish = { profiles: [profile], frames: 60 };
    assert.equal(videoGraph(probedVideo(), { ...wish, overlays: [] }), videoGraph(probedVideo(), wish));
    assert.equal(withOverlays('chain', [], profile, ''), 'chain');
  });

  test('lays the last one on top, for each profile with labels of its own', () => {
    const second = { ...PLAIN, position: 'center' as const };
    const graph = videoGraph(probedVideo(), {
      ...{ profiles: [profile, plainProfile(1080, 1080)], frames: 60, overlays: [PLAIN, second] },
    });
    const labels = [...graph.matchAll(/\[(\w+?)\]/g)].map(([, label]) => label as string);
    const counts = Map.groupBy(
      labels.filter((label) => label !== '0'),
      (label) => label,
    );
    for (const [label, uses] of counts) {
      assert.equal(uses.length, /^(v\d|0:0)$/.test(label) ? 1 : 2, `${label} in ${graph}`);
    }
    assert.ok(graph.indexOf('overlay=x=672:y=288') < graph.indexOf('overlay=x=432:y=906'));
  });

  test('shows one between two frames of the clip, however times are rounded', () => {
    const at = (from: number, to: number | null, rate = { num: 30_000, den: 1001 }) =>
      /enable='([^']*)'/.exec(
        withOverlays('chain', [{ ...PLAIN, from, to }], plainProfile(1080, 1920, rate), ''),
      )?.[1];
    assert.equal(at(0, null), undefined);
    assert.equal(at(0, 1, { num: 30, den: 1 }), 'lt(t,0.983333)');
    assert.equal(at(0.1, null, { num: 30, den: 1 }), 'gte(t,0.083333)');
    assert.equal(at(1, 2), 'gte(t,0.984317)*lt(t,1.985317)');
  });

  test('escapes what a path may contain', () => {
    assert.equal(filterText("C:\\it's [a],b;c"), "C\\\\:\\\\\\\\it\\\\\\'s \\[a\\]\\,b\\;c");
  });
});

test('overlays are part of what a clip is kept under, by what is in the picture, and clips without any keep their key', () => {
  const input = { probe: { seconds: 1, video: probedVideo(), audio: null }, maxSeconds: 60 };
  const profile = plainProfile(1080, 1920);
  const keyOf = (...overlays: BurnedOverlay[]) => conformIdentity(profile, { ...input, overlays }).join('|');
  const moved = { ...PLAIN, picture: { ...LOGO, file: '/elsewhere/picture.png' } };
  assert.equal(keyOf(), conformIdentity(profile, input).join('|'));
  assert.equal(keyOf(PLAIN), keyOf(moved));
  const others = [
    ...[
      keyOf(),
      keyOf(PLAIN),
      keyOf(PLAIN, PLAIN),
      keyOf({ ...PLAIN, opacity: 0.5 }),
      keyOf({ ...PLAIN, to: 1 }),
    ],
    keyOf({ ...PLAIN, picture: { ...LOGO, key: 'image/def' } }),
  ];
  assert.equal(new Set(others).size, others.length);
});
