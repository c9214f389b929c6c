import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { estimateOf } from '../../functions/model/estimate.ts';
import { makePlan, type PlanInput } from '../../functions/model/make-plan.ts';
import { PLAIN_OUTPUT, PLAIN_SOUND } from '../fixtures/media/plain-choices.ts';
import { addressOf } from '../fixtures/network/source-address.ts';

const PRICES = { speechPer1000: 0.1, perHour: { prepare: 2, render: 1 } };
const block = (name: string, count: number) => ({
  name,
  clips: Array.from({ length: count }, (_, at) => addressOf(`https://h/${name}${at}.mp4`)),
});
const FORMATS = ['9x16', '1x1'].map((name) => ({
  ...{ name, width: 1080, height: 1080, fit: 'contain', background: '#000000' },
})) as NonNullable<PlanInput['formats']>;
const HELLO = { text: 'Hello 🎬', voice: 'Sarah' };

function estimate(changes: Partial<PlanInput> = {}) {
  const plan = makePlan({
    blocks: [block('a', 2), block('b', 3)],
    tracks: [],
    lines: [],
    output: PLAIN_OUTPUT,
    sound: PLAIN_SOUND,
    seed: 1,
    ...changes,
  });
  return estimateOf(plan, PRICES);
}

describe('the estimate of a plan', () => {
  test('counts each clip once, in each format', () => {
    const plain = { characters: 0, speechUsd: 0, sources: 5, clips: 5, encodes: 5 };
    assert.deepEqual(estimate(), plain);
    assert.deepEqual(estimate({ formats: FORMATS }), { ...plain, encodes: 10 });
    const same = { name: 'b', clips: block('a', 2).clips };
    assert.deepEqual(estimate({ blocks: [block('a', 2), same] }).clips, 2);
  });

  test('leaves out what no combination uses', () => {
    const tracks = [1, 2, 3].map((at) => addressOf(`https://h/${at}.mp3`));
    const one = { blocks: [block('a', 1)], lines: [HELLO, { ...HELLO, text: 'Another' }] };
    const { clips, sources, characters } = estimate({ ...one, tracks });
    assert.deepEqual([clips, sources], [1, 3]);
    assert.ok([7, 'Another'.length].includes(characters));
  });

  test('buys a line once, also in two groups, and another speed or language for itself', () => {
    const lines = [HELLO, { ...HELLO, group: 'a' }, { ...HELLO, group: 'b' }];
    const each = { selection: { tracks: 'random', lines: 'each' } } as const;
    const bought = estimate({ ...each, lines });
    assert.deepEqual([bought.characters, bought.speechUsd], [7, 0.0007]);
    const others = [
      HELLO,
      { ...HELLO, speed: 1.1 },
      { ...HELLO, language: 'de' },
      { ...HELLO, voice: 'Tom' },
    ];
    assert.equal(estimate({ ...each, lines: others }).characters, 28);
  });

  test('adds what burned captions encode again, for each format', () => {
    const lines = [HELLO];
    // Each of two clips comes first, and each of three after each of them.
    const burned = { lines, captions: { inside: 'burn' } } as unknown as Partial<PlanInput>;
    assert.equal(estimate(burned).encodes, 5 + 2 + 6);
    assert.equal(estimate({ ...burned, formats: FORMATS }).encodes, 2 * (5 + 2 + 6));
    const track = { lines, captions: { inside: 'track' } } as unknown as Partial<PlanInput>;
    assert.equal(estimate(track).encodes, 5);
  });
});
