/** Reads the syntax elements of H.264: single bits and numbers in Exp-Golomb code. ITU-T H.264, 7.3 and 9.1. */

/** A longer code would say a number that no field may have. */
const LONGEST_CODE = 31;

/** Throws an Error instead of reading beyond the end. */
export class BitReader {
  readonly #bytes: Buffer;
  #at = 0;

  /** @param bytes without emulation prevention; see `unescaped` */
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  flag(): boolean {
    return this.bits(1) === 1;
  }

  /** u(n), with n up to 32. */
  bits(count: number): number {
    if (this.#at + count > this.#bytes.length * 8)
      throw new Error('Expected whole parameter sets, got a part');
    let value = 0;
    for (let left = count; left > 0; left--, this.#at++) {
      const byte = this.#bytes[this.#at >> 3] as number;
      value = value * 2 + ((byte >> (7 - (this.#at & 7))) & 1);
    }
    return value;
  }

  /** ue(v). */
  golomb(): number {
    let zeros = 0;
    while (!this.flag()) {
      zeros += 1;
      if (zeros > LONGEST_CODE) throw new Error('Expected numbers of at most 31 bits, got a longer one');
    }
    return 2 ** zeros - 1 + this.bits(zeros);
  }

  /** se(v). */
  signed(): number {
    const code = this.golomb();
    return code % 2 === 1 ? (code + 1) / 2 : -code / 2;
  }
}

/** Without the bytes that keep a start code from appearing in a NAL unit: 00 00 03 becomes 00 00. 7.4.1. */
export function unescaped(nal: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(nal.length);
  let [length, zeros] = [0, 0];
  for (const byte of nal) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    bytes[length++] = byte;
  }
  return bytes.subarray(0, length);
}
