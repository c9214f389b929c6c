/** Returns numbers from 0 (inclusive) to 1 (exclusive), the same sequence for the same seed. */
export type Random = () => number;

/**
 * A generator for one purpose: different purposes of one seed give unrelated sequences.
 * Mulberry32 (Tommy Ettinger, public domain): small, fast and good enough for shuffling, but not for secrets.
 */
export function seededRandom(seed: number, purpose: string): Random {
  let state = hash(`${seed}:${purpose}`);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** FNV-1a, 32 bit. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) value = Math.imul(value ^ byte, 0x01000193);
  return value >>> 0;
}

/** In a random order, every order being equally likely (Fisher-Yates). */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const order = [...items];
  for (let last = order.length - 1; last > 0; last--) {
    const pick = Math.floor(random() * (last + 1));
    [order[last], order[pick]] = [order[pick] as T, order[last] as T];
  }
  return order;
}

/** `count` draws from shuffled bags of all items: each item is drawn equally often, give or take one. */
export function bagDraw<T>(items: readonly T[], count: number, random: Random): T[] {
  const draws: T[] = [];
  while (draws.length < count) draws.push(...shuffled(items, random));
  return draws.slice(0, count);
}
