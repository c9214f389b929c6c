/** An even sample of all combinations, without listing them. */
import { type Random, shuffled } from './random.ts';

/**
 * `count` different combinations, as places in their blocks: each clip of a block is used equally often, give or take one,
 * and so it is in every beginning of the sample.
 *
 * All blocks go through their clips together, each in a random order of its own, until they stand as at the start: after as
 * many steps as the least common multiple of their sizes. So far no combination comes twice. Then each block is
 * shifted, by less than what it has in common with those before: other combinations, and again none twice. Shifts are
 * themselves sampled in this way.
 *
 * @param sizes clips per block, at least 1
 * @param count at most the product of the sizes
 */
export function evenSample(sizes: readonly number[], count: number, random: Random): number[][] {
  const orders = sizes.map((size) => shuffled([...Array(size).keys()], random));
  const shiftSizes: number[] = [];
  let round = 1;
  for (const size of sizes) {
    // Beyond `count` there are no further rounds, and the exact number does not matter.
    const common = round > count ? 1 : greatestCommonDivisor(size, round);
    shiftSizes.push(common);
    round *= size / common;
  }
  const rounds = Math.ceil(count / round);
  // The first block's only shift is none.
  const shifts = rounds > 1 ? evenSample(shiftSizes.slice(1), rounds, random) : [];
  return Array.from({ length: count }, (_, at) => {
    const shift = shifts[Math.floor(at / round)] ?? [];
    const step = at % round;
    return orders.map((order, block) => {
      // Beside the first round's, so that a smaller sample, which has no shifts, is the beginning of a larger one.
      const by = block === 0 ? 0 : (shift[block - 1] ?? 0) - (shifts[0]?.[block - 1] ?? 0);
      return order[(step + by + order.length) % order.length] as number;
    });
  });
}

function greatestCommonDivisor(one: number, other: number): number {
  return other === 0 ? one : greatestCommonDivisor(other, one % other);
}
