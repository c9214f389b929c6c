/** Keeps the first and the last bytes of a stream of any length. */
export class HeadAndTail {
  readonly #most: number;
  #head = Buffer.alloc(0);
  #tail = Buffer.alloc(0);
  #dropped = 0;

  /** Keeps up to `most` bytes of each. */
  constructor(most: number) {
    this.#most = most;
  }

  add(chunk: Buffer): void {
    const room = this.#most - this.#head.length;
    this.#head = Buffer.concat([this.#head, chunk.subarray(0, room)]);
    const both = Buffer.concat([this.#tail, chunk.subarray(room)]);
    this.#tail = both.subarray(Math.max(0, both.length - this.#most));
    this.#dropped += both.length - this.#tail.length;
  }

  text(): string {
    const gap = this.#dropped === 0 ? '' : `\n... ${this.#dropped} bytes left out ...\n`;
    return this.#head.toString('utf8') + gap + this.#tail.toString('utf8');
  }
}
