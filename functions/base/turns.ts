/** With more keys than this their turns are forgotten, which costs at most one turn out of order. */
const MAX_TURNS = 10_000;

/** Remembers who had the last turn, so that the one whose turn is longest ago goes first. */
export class Turns {
  /** A running number for the last turn of each key. */
  readonly #turns = new Map<string, number>();
  #turn = 0;

  /** 0 before the first turn; greater, the later the turn was. */
  of(key: string): number {
    return this.#turns.get(key) ?? 0;
  }

  /** The one whose turn is longest ago; of several, the first. */
  first<T>(waiting: readonly T[], keyOf: (one: T) => string): T | undefined {
    return waiting.toSorted((one, other) => this.of(keyOf(one)) - this.of(keyOf(other)))[0];
  }

  take(key: string): void {
    if (this.#turns.size >= MAX_TURNS) this.#turns.clear();
    this.#turn += 1;
    this.#turns.set(key, this.#turn);
  }
}
