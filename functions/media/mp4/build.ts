/** Builds boxes. ISO/IEC 14496-12. */

/** A box of the type with all that in its body. */
export function box(type: string, ...parts: readonly Buffer[]): Buffer {
  const bytes = parts.reduce((sum, { length }) => sum + length, 8);
  return Buffer.concat([u32(bytes), Buffer.from(type, 'latin1'), ...parts], bytes);
}

/** A box whose body begins with version and flags. */
export function fullBox(type: string, version: number, flags: number, ...parts: readonly Buffer[]): Buffer {
  return box(type, u32(version * 2 ** 24 + flags), ...parts);
}

/** Each as four bytes; negative ones as in two's complement. */
export function u32(...values: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(4 * values.length);
  for (const [at, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, 4 * at);
  return bytes;
}

/** A table of a count and that many entries of four bytes. */
export function table(type: string, values: Uint32Array): Buffer {
  const bytes = Buffer.allocUnsafe(4 + 4 * values.length);
  bytes.writeUInt32BE(values.length, 0);
  for (let at = 0; at < values.length; at++) bytes.writeUInt32BE(values[at] as number, 4 + 4 * at);
  return fullBox(type, 0, 0, bytes);
}

/** How often each value comes in a row, as [how often, value, how often, value, …]. */
export function runs(count: number, valueAt: (index: number) => number): number[] {
  const found: number[] = [];
  for (let at = 0; at < count; at++) {
    const value = valueAt(at);
    const last = found.length - 1;
    if (found[last] === value) found[last - 1] = (found[last - 1] as number) + 1;
    else found.push(1, value);
  }
  return found;
}
