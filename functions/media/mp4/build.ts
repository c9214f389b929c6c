/** Builds boxes. ISO/IEC 14496-12. */

export const LARGEST_U32 = 0xffff_ffff;

/** Bytes in pieces, so that long tables are not copied into every box around them. */
export type Pieces = readonly Buffer[];

/** A box of the type with all that in its body. */
export function box(type: string, ...parts: readonly (Buffer | Pieces)[]): Pieces {
  const body = parts.flat();
  return [u32(lengthOf(body) + 8), Buffer.from(type, 'latin1'), ...body];
}

/** A box whose body begins with version and flags. */
export function fullBox(
  type: string,
  version: number,
  flags: number,
  ...parts: readonly (Buffer | Pieces)[]
): Pieces {
  return box(type, u32(version * 2 ** 24 + flags), ...parts);
}

export function lengthOf(pieces: Pieces): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}

/** Each as four bytes; negative ones as in two's complement. */
export function u32(...values: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(4 * values.length);
  for (const [at, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, 4 * at);
  return bytes;
}

/** As eight bytes if `isLong`, which versions 1 of some boxes have, otherwise as four. */
export function time(value: number, isLong: boolean): Buffer {
  return isLong ? u32(Math.floor(value / 2 ** 32), value % 2 ** 32) : u32(value);
}

/** A count and that many entries of four bytes. */
export function list(values: Uint32Array): Buffer {
  const bytes = Buffer.allocUnsafe(4 + 4 * values.length);
  bytes.writeUInt32BE(values.length, 0);
  for (let at = 0; at < values.length; at++) bytes.writeUInt32BE(values[at] as number, 4 + 4 * at);
  return bytes;
}

/** A count and how often each value comes in a row: how often, value, how often, value, … */
export function runs(samples: number, valueAt: (index: number) => number): Buffer {
  let count = 0;
  for (let at = 0; at < samples; at++) if (at === 0 || valueAt(at) !== valueAt(at - 1)) count += 1;
  const bytes = Buffer.allocUnsafe(4 + 8 * count);
  bytes.writeUInt32BE(count, 0);
  for (let at = 0, place = 4; at < samples; place += 8) {
    const [begin, value] = [at, valueAt(at)];
    while (at < samples && valueAt(at) === value) at += 1;
    bytes.writeUInt32BE(at - begin, place);
    bytes.writeUInt32BE(value >>> 0, place + 4);
  }
  return bytes;
}
