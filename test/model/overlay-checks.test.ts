import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RequestError } from '../../functions/base/errors.ts';
import { makePlan } from '../../functions/model/make-plan.ts';
import { overlayMistakes } from '../../functions/model/overlay-checks.ts';
import { imagesOf, overlaysOf, type Plan, partOf, usersOf } from '../../functions/model/plan.ts';
import { readRequest } from '../../functions/model/request.ts';
import { PLAIN_OUTPUT, PLAIN_SOUND } from '../fixtures/media/plain-choices.ts';
import { addressOf } from '../fixtures/network/source-address.ts';

const address = (name: string) => addressOf(`https://example.com/${name}`);
const URL = 'https://example.com/logo.png';
const BLOCKS = {
  hooks: [
    { url: URL, end_seconds: 2 },
    { url: URL, start_seconds: 1, end_seconds: 4 },
  ],
  'call to action': [URL],
};

describe('mistakes in overlays', () => {
  const found = (...overlays: object[]) =>
    overlayMistakes({
      video_blocks: BLOCKS,
      overlays: overlays.map((overlay) => ({ image: URL, ...overlay })),
    });

  test('are none in what works', () => {
    assert.deepEqual(
      found({}, { blocks: ['hooks'], from: 1, to: 2 }, { from: 60 }, { blocks: ['hooks'], from: 2.5 }),
      [],
    );
  });

  test('an unknown block is named, with the nearest', () => {
    assert.deepEqual(found({ blocks: ['hooks', 'hoks'] }), [
      {
        pointer: '/overlays/0/blocks/1',
        code: 'unknown',
        message: 'Expected one of hooks, call to action, got the unknown block "hoks". Did you mean hooks?',
      },
    ]);
  });

  test('one that ends before it begins, or begins after every clip that gets it, is never seen', () => {
    assert.deepEqual(found({ from: 2, to: 2 }, { blocks: ['hooks'], from: 3 }), [
      {
        pointer: '/overlays/0/to',
        code: 'conflict',
        message:
          'Expected a time after from (2 s), got 2 s. Both count from the start of the clip: raise to, or lower from.',
      },
      {
        pointer: '/overlays/1/from',
        code: 'conflict',
        message:
          'Expected a time within a clip that gets it, the longest of which lasts 3 s, got 3 s. Lower it.',
      },
    ]);
  });

  test('one that nobody could see is refused', () => {
    const body = { task_name: 'x', video_blocks: BLOCKS, overlays: [{ image: URL, opacity: 0 }] };
    assert.throws(
      () => readRequest(body, { combinations: 100, sources: { buckets: [], ownBuckets: [] } }),
      (error: RequestError) =>
        error.mistakes.length === 1 && error.mistakes[0]?.pointer === '/overlays/0/opacity',
    );
  });

  test('other shapes are left to the schema', () => {
    for (const overlays of [
      undefined,
      3,
      [null, 3, { from: 'x', to: 1 }, { blocks: 'hooks' }, { blocks: [3] }],
    ]) {
      assert.deepEqual(overlayMistakes({ video_blocks: BLOCKS, overlays }), []);
    }
    assert.deepEqual(overlayMistakes({ video_blocks: 3, overlays: [{ blocks: ['x'] }] }), []);
  });
});

describe('overlays of a plan', () => {
  const overlay = (image: string, blocks: string[] | null) => ({
    ...({
      image: address(image),
      position: 'top',
      width: 20,
      opacity: 1,
      from: 0,
      to: null,
      blocks,
    } as const),
  });
  const plan = makePlan({
    blocks: ['a', 'b'].map((name) => ({ name, clips: [address(`${name}1`), address(`${name}2`)] })),
    ...{ tracks: [], lines: [], output: PLAIN_OUTPUT, sound: PLAIN_SOUND, seed: 1 },
    overlays: [overlay('one.png', ['a']), overlay('two.png', ['b']), overlay('one.png', null)],
  });
  const shown = (of: Plan, clip: number) => imagesOf(of, clip).map((image) => nameOf(of, image));
  const nameOf = ({ sources }: Plan, number: number) => {
    const source = sources[number];
    return source === undefined || source.kind === 'line' ? '?' : source.name;
  };

  test('belong to the clips of their blocks, and each picture is one source', () => {
    const [first] = plan.combinations;
    assert.deepEqual(
      first?.clips.map((clip) => shown(plan, clip)),
      [
        ['one', 'one'],
        ['two', 'one'],
      ],
    );
    assert.equal(plan.sources.length, 6);
    const numbers = [...plan.sources.keys()];
    assert.deepEqual(
      numbers.map((number) => [nameOf(plan, number), usersOf(plan, number).length]),
      [
        ['a1', 2],
        ['a2', 2],
        ['b1', 2],
        ['b2', 2],
        ['one', 4],
        ['two', 4],
      ],
    );
  });

  test('go with their clips into a part of it, and only those that are used', () => {
    for (const { index, clips } of plan.combinations) {
      const part = partOf(plan, new Set([index]));
      assert.deepEqual(
        part.combinations[0]?.clips.map((clip) => [
          nameOf(part, clip),
          overlaysOf(part, clip).length,
          shown(part, clip),
        ]),
        clips.map((clip) => [nameOf(plan, clip), overlaysOf(plan, clip).length, shown(plan, clip)]),
      );
    }
    const clipped = {
      ...plan,
      combinations: plan.combinations.map((some) => ({ ...some, clips: some.clips.slice(1) })),
    };
    const part = partOf(clipped, new Set([1]));
    assert.deepEqual(
      part.overlays?.map(({ image }) => nameOf(part, image)),
      ['two', 'one'],
    );
    assert.deepEqual(
      part.combinations[0]?.clips.map((clip) => shown(part, clip)),
      [['two', 'one']],
    );
  });
});
