/** Which combinations are made: samples and rules, in random cases that a plain count of all combinations checks. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { seededRandom } from '../../functions/model/random.ts';
import type { NamedClips, PartialCombination } from '../../functions/model/rules.ts';
import { allowedBy, type SelectionRules, selectedCombinations } from '../../functions/model/selection.ts';
import { EXHAUSTIVE } from '../fixtures/system/sample.ts';

const CASES = EXHAUSTIVE ? 5_000 : 400;

function blocksOf(...sizes: readonly number[]): NamedClips[] {
  return sizes.map((size, block) => ({
    name: `b${block}`,
    clips: Array.from({ length: size }, (_, place) => ({ name: `c${place}` })),
  }));
}

/** All combinations, the last block changing fastest. */
function product(sizes: readonly number[]): number[][] {
  return sizes.reduce<number[][]>(
    (all, size) => all.flatMap((places) => Array.from({ length: size }, (_, place) => [...places, place])),
    [[]],
  );
}

/** Of each block: how often each of its clips is used. */
function usesIn(chosen: readonly (readonly number[])[], sizes: readonly number[]): number[][] {
  return sizes.map((size, block) =>
    Array.from({ length: size }, (_, place) => chosen.filter((places) => places[block] === place).length),
  );
}

function spread(uses: readonly number[]): number {
  return Math.max(...uses) - Math.min(...uses);
}

function assertEven(chosen: readonly (readonly number[])[], sizes: readonly number[], what: string): void {
  for (const uses of usesIn(chosen, sizes)) assert.ok(spread(uses) <= 1, `${what}: ${uses}`);
}

function matches(rule: PartialCombination, places: readonly number[]): boolean {
  return Object.entries(rule).every(([block, wanted]) => {
    const place = places[Number(block.slice(1))] as number;
    return typeof wanted === 'number' ? wanted === place + 1 : wanted === `c${place}`;
  });
}

function allowedOf(sizes: readonly number[], { include, exclude = [] }: SelectionRules): number[][] {
  return product(sizes).filter(
    (places) =>
      (include === undefined || include.some((rule) => matches(rule, places))) &&
      !exclude.some((rule) => matches(rule, places)),
  );
}

describe('an even sample', () => {
  test('of 1,000 combinations, 37: uses per clip differ by at most one', () => {
    const blocks = blocksOf(10, 10, 10);
    for (let seed = 0; seed < 20; seed++) {
      const chosen = selectedCombinations(blocks, { limit: 37 }, seed);
      assert.equal(new Set(chosen.map(String)).size, 37);
      assertEven(chosen, [10, 10, 10], `seed ${seed}`);
    }
  });

  test('of any sizes is even, without repetition, in order, the same for its seed, and grows with its limit', () => {
    const random = seededRandom(1, 'sizes');
    const pick = (most: number) => 1 + Math.floor(random() * most);
    for (let at = 0; at < CASES; at++) {
      const sizes = Array.from({ length: pick(4) }, () => pick(6));
      const all = sizes.reduce((count, size) => count * size, 1);
      const limit = pick(all + 2);
      const what = `${sizes} limit ${limit} seed ${at}`;
      const take = (most: number) => selectedCombinations(blocksOf(...sizes), { limit: most }, at);
      const chosen = take(limit);
      assert.equal(chosen.length, Math.min(limit, all), what);
      const names = chosen.map(String);
      assert.deepEqual(
        names,
        product(sizes)
          .map(String)
          .filter((name) => new Set(names).has(name)),
        what,
      );
      assertEven(chosen, sizes, what);
      assert.deepEqual(take(limit), chosen, what);
      const more = new Set(take(limit + 1).map(String));
      assert.ok(
        names.every((name) => more.has(name)),
        what,
      );
    }
  });

  test('of 10^30 combinations needs no list of them, with rules or without', () => {
    const sizes = Array<number>(10).fill(1_000);
    const blocks = blocksOf(...sizes);
    const plain = selectedCombinations(blocks, { limit: 37 }, 7);
    assert.equal(new Set(plain.map(String)).size, 37);
    assertEven(plain, sizes, 'plain');
    const ruled = selectedCombinations(blocks, { limit: 37, exclude: [{ b0: 1, b9: 2 }, { b3: 'c4' }] }, 7);
    assert.equal(new Set(ruled.map(String)).size, 37);
    assertEven(ruled, sizes, 'with rules');
    const one = Object.fromEntries(blocks.map(({ name }, block) => [name, block + 1]));
    assert.deepEqual(selectedCombinations(blocks, { include: [one] }, 7), [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]]);
  });

  test('differs from seed to seed', () => {
    const chosen = [1, 2, 3].map((seed) => String(selectedCombinations(blocksOf(9, 9), { limit: 9 }, seed)));
    assert.equal(new Set(chosen).size, 3);
  });

  test('pairs the clips of every two blocks in many ways', () => {
    const chosen = selectedCombinations(blocksOf(10, 10, 10), { limit: 100 }, 3);
    for (const [one, other] of [
      [0, 1],
      [1, 2],
      [0, 2],
    ] as const) {
      const pairs = new Set(chosen.map((places) => `${places[one]} ${places[other]}`));
      assert.ok(pairs.size >= 20, `${one} and ${other}: ${pairs.size}`);
    }
  });
});

describe('rules', () => {
  test('leave exactly what they allow, and a limit takes an even part of it', () => {
    const random = seededRandom(2, 'rules');
    const below = (count: number) => Math.floor(random() * count);
    let uneven = 0;
    for (let at = 0; at < CASES; at++) {
      const sizes = Array.from({ length: 1 + below(4) }, () => 1 + below(5));
      const rule = () => {
        const named = sizes.flatMap((size, block) => {
          const place = below(size);
          return random() < 0.5 ? [[`b${block}`, random() < 0.5 ? place + 1 : `c${place}`]] : [];
        });
        return named.length > 0 ? Object.fromEntries(named) : { b0: 1 };
      };
      const rules = (most: number) => Array.from({ length: 1 + below(most) }, rule);
      const given: SelectionRules = {
        ...(random() < 0.5 && { include: rules(6) }),
        ...(random() < 0.7 && { exclude: rules(4) }),
      };
      const what = `${sizes} ${JSON.stringify(given)} seed ${at}`;
      const blocks = blocksOf(...sizes);
      const allowed = allowedOf(sizes, given);
      assert.deepEqual(selectedCombinations(blocks, given, at), allowed, what);
      const counted = allowedBy(blocks, given);
      assert.ok(counted !== 'intricate');
      assert.equal(Number(counted?.count ?? 0), allowed.length, what);

      const limit = 1 + below(allowed.length + 1);
      const chosen = selectedCombinations(blocks, { ...given, limit }, at);
      const names = chosen.map(String);
      assert.equal(new Set(names).size, Math.min(limit, allowed.length), what);
      const known = new Set(allowed.map(String));
      assert.ok(
        names.every((name) => known.has(name)),
        what,
      );
      assert.deepEqual(selectedCombinations(blocks, { ...given, limit }, at), chosen, what);
      // One more use of the least used clip, one less of the most used one: no single exchange can do that.
      const free = allowed.filter((places) => !names.includes(String(places)));
      if (isBettered(chosen, free, sizes)) uneven++;
    }
    assert.equal(uneven, 0, 'samples that one exchange makes more even');
  });

  test('that leave out single clips leave an even sample of the others', () => {
    const given = { exclude: [{ b0: 1 }, { b1: 'c2' }], limit: 20 };
    const chosen = selectedCombinations(blocksOf(5, 5, 5), given, 1);
    const [first, second, third] = usesIn(chosen, [5, 5, 5]) as [number[], number[], number[]];
    assert.deepEqual([first[0], second[2]], [0, 0]);
    for (const uses of [first.slice(1), second.toSpliced(2, 1), third]) assert.ok(spread(uses) <= 1);
  });

  test('of pairs of many clips leave an even sample, too', () => {
    const sizes = [30, 30, 30];
    const random = seededRandom(3, 'pairs');
    const clip = () => 1 + Math.floor(random() * 30);
    const exclude = Array.from({ length: 300 }, () => ({ b0: clip(), b1: clip() }));
    const chosen = selectedCombinations(blocksOf(...sizes), { exclude, limit: 100 }, 1);
    assertEven(chosen, sizes, '300 pairs');
  });

  test('may name a block like something that every object has, and a name that clips share means all of them', () => {
    const blocks = [
      { name: 'constructor', clips: [{ name: 'a' }, { name: 'b' }, { name: 'a' }] },
      { name: 'other', clips: [{ name: 'x' }] },
    ];
    assert.deepEqual(selectedCombinations(blocks, { exclude: [{ constructor: 'a' }] as never }, 1), [[1, 0]]);
    assert.equal(selectedCombinations(blocks, { include: [{ other: 1 }] }, 1).length, 3);
  });

  test('too intricate to count are told apart from those that leave nothing', () => {
    const sizes = Array<number>(10).fill(1_000);
    const random = seededRandom(4, 'intricate');
    const below = (count: number) => Math.floor(random() * count);
    const exclude = Array.from({ length: 1_000 }, () => ({
      [`b${below(5)}`]: 1 + below(1_000),
      [`b${5 + below(5)}`]: 1 + below(1_000),
    }));
    assert.equal(allowedBy(blocksOf(...sizes), { exclude }), 'intricate');
    assert.equal(allowedBy(blocksOf(2, 2), { exclude: [{ b0: 1 }, { b0: 2 }] }), null);
  });
});

/** Whether the sum of the squares of all uses gets less with one chosen combination exchanged for a free one. */
function isBettered(
  chosen: readonly (readonly number[])[],
  free: readonly (readonly number[])[],
  sizes: readonly number[],
): boolean {
  const uses = usesIn(chosen, sizes);
  if (uses.every((counts) => spread(counts) <= 1)) return false;
  const usesOf = (block: number, place: number | undefined) => uses[block]?.[place as number] as number;
  return chosen.some((from) =>
    free.some((to) => {
      const gain = from.map((place, block) =>
        place === to[block] ? 0 : usesOf(block, place) - usesOf(block, to[block]) - 1,
      );
      return gain.reduce((sum, part) => sum + part, 0) > 0;
    }),
  );
}
