/** Combinations that are chosen, counted by each of their beginnings. */
export class ChosenCombinations {
  readonly #counts = new Map<string, number>();

  countOf(beginning: readonly number[]): number {
    return this.#counts.get(beginning.join()) ?? 0;
  }

  add(places: readonly number[]): void {
    this.#change(places, 1);
  }

  remove(places: readonly number[]): void {
    this.#change(places, -1);
  }

  #change(places: readonly number[], by: number): void {
    for (let length = 1; length <= places.length; length++) {
      const beginning = places.slice(0, length);
      this.#counts.set(beginning.join(), this.countOf(beginning) + by);
    }
  }
}
