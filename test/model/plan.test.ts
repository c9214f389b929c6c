import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { makePlan } from '../../functions/model/make-plan.ts';
import { type Plan, partOf, sourcesOf } from '../../functions/model/plan.ts';
import { PLAIN_OUTPUT, PLAIN_SOUND } from '../fixtures/media/plain-choices.ts';
import { addressOf } from '../fixtures/network/source-address.ts';

const address = (name: string) => addressOf(`https://example.com/${name}`);
const block = (...names: string[]) => ({ name: names.join(' '), clips: names.map(address) });

const input = {
  blocks: [block('a1', 'a2'), block('b1', 'b2', 'b3'), block('c1', 'c2')],
  tracks: ['t1', 't2', 't3'].map(address),
  lines: [
    { text: 'one', voice: 'v' },
    { text: 'two', voice: 'v' },
  ],
  output: PLAIN_OUTPUT,
  sound: PLAIN_SOUND,
  seed: 7,
};

function names(plan: Plan, numbers: number[]): string[] {
  return numbers.map((number) => {
    const source = plan.sources[number];
    return source === undefined || source.kind === 'line' ? '?' : source.name;
  });
}

/** How often each number was chosen. */
function tally(choices: (number | null)[]): number[] {
  const counts = new Map<number | null, number>();
  for (const choice of choices) counts.set(choice, (counts.get(choice) ?? 0) + 1);
  return [...counts.values()];
}

describe('a plan', () => {
  test('has every combination once, with clips in block order and the last block varying fastest', () => {
    const plan = makePlan(input);
    const clips = plan.combinations.map((combination) => names(plan, combination.clips).join(' '));
    assert.equal(clips.length, 12);
    assert.equal(new Set(clips).size, 12);
    assert.deepEqual(clips.slice(0, 3), ['a1 b1 c1', 'a1 b1 c2', 'a1 b2 c1']);
    assert.equal(clips.at(-1), 'a2 b3 c2');
    assert.deepEqual(
      plan.combinations.map(({ index }) => index),
      Array.from({ length: 12 }, (_, at) => at + 1),
    );
  });

  test('is the same for the same request and seed, and different for another seed', () => {
    assert.deepEqual(makePlan(input), makePlan(input));
    const choices = (seed: number) =>
      makePlan({ ...input, seed }).combinations.map(({ track, line }) => [track, line]);
    assert.notDeepEqual(choices(7), choices(8));
  });

  test('uses each track and each line equally often, give or take one', () => {
    for (let seed = 0; seed < 50; seed++) {
      const { combinations } = makePlan({ ...input, seed, tracks: ['1', '2', '3', '4', '5'].map(address) });
      for (const counts of [
        tally(combinations.map(({ track }) => track)),
        tally(combinations.map(({ line }) => line)),
      ]) {
        assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, `seed ${seed}: ${counts}`);
      }
    }
  });

  test('pairs tracks and lines freely: neither follows the other', () => {
    const lines = ['1', '2', '3'].map((text) => ({ text, voice: 'v' }));
    const pairs = new Set<string>();
    for (let seed = 0; seed < 20; seed++) {
      for (const { track, line } of makePlan({ ...input, lines, seed }).combinations)
        pairs.add(`${track} ${line}`);
    }
    assert.equal(pairs.size, 9);
  });

  test('keeps the tracks of a seed when a line is added', () => {
    const tracks = (lines: typeof input.lines) =>
      makePlan({ ...input, lines }).combinations.map(({ track }) => track);
    const more = [...input.lines, { text: 'three', voice: 'v' }];
    // Tracks are numbered before lines, so their source numbers stay the same as well.
    assert.deepEqual(tracks(input.lines), tracks(more));
  });

  test('lists a source once, however many blocks and lines mention it', () => {
    const line = { text: 'one', voice: 'v' };
    const plan = makePlan({
      ...input,
      blocks: [block('a', 'a'), block('a', 'b')],
      tracks: ['t', 't'].map(address),
      lines: [line, { ...line }],
    });
    assert.equal(plan.sources.length, 4);
    assert.equal(plan.combinations.length, 4);
    assert.deepEqual(sourcesOf(plan.combinations[0] as Plan['combinations'][0]).sort(), [0, 2, 3]);
  });

  test('has no tracks and lines that no video uses, as nobody should wait or pay for them', () => {
    const words = ['one', 'two', 'three', 'four', 'five'];
    for (let seed = 0; seed < 20; seed++) {
      const plan = makePlan({
        ...input,
        blocks: [block('a', 'b')],
        tracks: words.map(address),
        lines: words.map((text) => ({ text, voice: 'v' })),
        seed,
      });
      const used = new Set(plan.combinations.flatMap(sourcesOf));
      assert.deepEqual([...used].sort(), [...plan.sources.keys()]);
      assert.deepEqual(
        plan.sources.map(({ kind }) => kind),
        ['clip', 'clip', 'track', 'track', 'line', 'line'],
      );
    }
  });

  test('reduced to some combinations keeps choices, numbers and total, and only the sources that they need', () => {
    const plan = makePlan({
      ...input,
      blocks: [block('a', 'b', 'c'), block('d', 'e')],
      tracks: ['t', 'u'].map(address),
      lines: [],
    });
    const part = partOf(plan, new Set([3, 6]));
    const urls = (of: Plan, index: number) => {
      const found = of.combinations.find((combination) => combination.index === index);
      return [...(found?.clips ?? []), found?.track ?? -1].map(
        (number) => (of.sources[number] as { url: string }).url,
      );
    };
    assert.deepEqual(
      part.combinations.map(({ index }) => index),
      [3, 6],
    );
    for (const index of [3, 6]) assert.deepEqual(urls(part, index), urls(plan, index));
    assert.deepEqual([part.total, part.seed], [6, plan.seed]);
    const needed = new Set([...urls(plan, 3), ...urls(plan, 6)]);
    assert.equal(part.sources.length, needed.size);
  });

  test('has no track and no line if none were given', () => {
    const plan = makePlan({ ...input, tracks: [], lines: [] });
    assert.ok(plan.combinations.every(({ track, line }) => track === null && line === null));
  });
});

describe('a plan without rules', () => {
  const plan = makePlan({
    blocks: [
      { name: 'hooks', clips: ['a', 'b', 'c'].map(address) },
      { name: 'bodies', clips: ['d', 'e'].map(address) },
    ],
    tracks: ['t', 'u', 'v'].map(address),
    lines: ['one', 'two'].map((text) => ({ text, voice: 'Sarah' })),
    output: PLAIN_OUTPUT,
    sound: PLAIN_SOUND,
    seed: 7,
  });

  test('of a seed makes the choices that earlier versions made', () => {
    assert.deepEqual(
      plan.combinations.map(({ clips, track, line }) => [...clips, track, line].join(' ')),
      ['0 3 6 9', '0 4 7 8', '1 3 5 9', '1 4 6 8', '2 3 7 8', '2 4 5 9'],
    );
    assert.deepEqual(
      plan.combinations.map((combination) => Object.keys(combination)),
      plan.combinations.map(() => ['index', 'clips', 'track', 'line']),
    );
  });
});
