import { type Random, shuffled } from './random.ts';

/** Clips of a block in the order of their uses; those of equally many uses in a random order. */
export class LeastUsed {
  /** By the number of uses. */
  readonly #groups: number[][];
  readonly #uses = new Map<number, number>();
  readonly #random: Random;

  constructor(clips: readonly number[], random: Random) {
    this.#groups = [shuffled(clips, random)];
    this.#random = random;
  }

  *inOrder(): Generator<number> {
    for (const group of this.#groups) yield* group;
  }

  use(clip: number): void {
    const uses = this.#uses.get(clip) ?? 0;
    const group = this.#groups[uses] as number[];
    group.splice(group.indexOf(clip), 1);
    const next = this.#groups[uses + 1] ?? [];
    this.#groups[uses + 1] = next;
    next.splice(Math.floor(this.#random() * (next.length + 1)), 0, clip);
    this.#uses.set(clip, uses + 1);
  }
}
