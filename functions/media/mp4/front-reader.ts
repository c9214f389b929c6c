/** Reads bytes from the front. Throws an Error where nothing is left. */
export class FrontReader {
  readonly #bytes: Buffer;
  readonly #what: string;
  #at = 0;

  /** @param what the name of the box, for errors */
  constructor(bytes: Buffer, what: string) {
    this.#bytes = bytes;
    this.#what = what;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  take(length: number): Buffer {
    if (length > this.left)
      throw new Error(`Expected ${length} bytes more of ${this.#what}, got ${this.left}`);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  u8(): number {
    return this.take(1)[0] as number;
  }

  u16(): number {
    return this.take(2).readUInt16BE();
  }

  /** What a descriptor with that tag has in it. Its length is in groups of seven bits. ISO/IEC 14496-1, 8.3.3. */
  descriptor(tag: number): FrontReader {
    const found = this.u8();
    if (found !== tag) throw new Error(`Expected descriptor ${tag} in ${this.#what}, got ${found}`);
    let length = 0;
    for (let group = 0; group < 4; group++) {
      const byte = this.u8();
      length = length * 128 + (byte & 127);
      if (byte < 128) break;
    }
    return new FrontReader(this.take(length), this.#what);
  }
}
