import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BitReader, unescaped } from '../../../functions/media/mp4/bits.ts';
import { parsePictureSet, parseSequenceSet } from '../../../functions/media/mp4/parameter-sets.ts';

/** Bits of a NAL unit behind its first byte, filled up with zeros. */
function nal(bits: string): Buffer {
  const whole = bits.replaceAll(' ', '').replace(/.{1,8}/g, (byte) => `${byte.padEnd(8, '0')},`);
  return Buffer.from([
    0x67,
    ...whole
      .split(',')
      .slice(0, -1)
      .map((byte) => Number.parseInt(byte, 2)),
  ]);
}

/** ue(v). */
function ue(value: number): string {
  const code = (value + 1).toString(2);
  return '0'.repeat(code.length - 1) + code;
}

const MAIN_40 = '01001101 01000000 00101000';
/** No cropping; 64x48 of frames. */
const SIZE = `${ue(3)} ${ue(2)} 1 1 0`;

describe('BitReader', () => {
  test('reads numbers in Exp-Golomb code', () => {
    const read = new BitReader(
      nal(`${[0, 1, 2, 3, 4, 5, 6].map(ue).join('')} ${ue(3)}${ue(4)} 1`).subarray(1),
    );
    assert.deepEqual(
      Array.from({ length: 7 }, () => read.golomb()),
      [0, 1, 2, 3, 4, 5, 6],
    );
    assert.deepEqual([read.signed(), read.signed(), read.flag(), read.flag()], [2, -2, true, false]);
  });

  test('refuses to read beyond the end, and longer numbers than there are', () => {
    assert.throws(() => new BitReader(Buffer.from([0xff])).bits(9), /^Error: Expected whole parameter sets/);
    assert.throws(() => new BitReader(Buffer.alloc(3)).golomb(), /^Error: Expected whole/);
    assert.throws(
      () => new BitReader(Buffer.alloc(9)).golomb(),
      /^Error: Expected numbers of at most 31 bits/,
    );
  });

  test('takes out the bytes that keep start codes away', () => {
    const escaped = Buffer.from([0, 0, 3, 1, 0, 0, 3, 0, 0, 3, 3]);
    assert.deepEqual([...unescaped(escaped)], [0, 0, 1, 0, 0, 0, 0, 3]);
  });
});

describe('a sequence parameter set', () => {
  test('whose order is counted by a cycle is read to its end', () => {
    // pic_order_cnt_type 1, deltas given, a cycle of two offsets.
    const order = `${ue(1)} 0 ${ue(0)} ${ue(0)} ${ue(2)} ${ue(5)} ${ue(8)}`;
    const found = parseSequenceSet(nal(`${MAIN_40} ${ue(0)} ${ue(4)} ${order} ${ue(1)} 0 ${SIZE} 0 1`));
    assert.deepEqual([found.width, found.height, found.orderType, found.orderDeltas], [64, 48, 1, true]);
    assert.deepEqual(
      [found.profile, found.constrained, found.level, found.frameNumberBits],
      [77, true, 40, 8],
    );
  });

  test('says the shape of samples, the range and the transfer', () => {
    const begin = `${MAIN_40} ${ue(0)} ${ue(0)} ${ue(2)} ${ue(1)} 0 ${SIZE} 1`;
    const shape = (wide: number, high: number) =>
      `1 11111111 ${wide.toString(2).padStart(16, '0')} ${high.toString(2).padStart(16, '0')}`;
    const colours = '0 1 101 1 1 00001001 00010000 00001001';
    const found = parseSequenceSet(nal(`${begin} ${shape(4, 3)} ${colours}`));
    assert.deepEqual([found.square, found.fullRange, found.transfer], [false, true, 16]);
    assert.equal(parseSequenceSet(nal(`${begin} ${shape(7, 7)} ${colours}`)).square, true);
  });

  test('with countless offsets, or cut off, is refused', () => {
    const order = `${ue(1)} 0 ${ue(0)} ${ue(0)} ${ue(256)}`;
    assert.throws(
      () => parseSequenceSet(nal(`${MAIN_40} ${ue(0)} ${ue(0)} ${order}`)),
      /at most 255 offsets/,
    );
    assert.throws(() => parseSequenceSet(nal(MAIN_40)), /Expected whole/);
    assert.throws(() => parseSequenceSet(Buffer.alloc(0)), /Expected whole/);
  });
});

test('a picture parameter set says whether slices come in groups or twice', () => {
  const rest = `${ue(0)} ${ue(0)} 0 00 ${ue(0)} ${ue(0)} ${ue(0)} 0 0`;
  const found = parsePictureSet(nal(`${ue(2)} ${ue(1)} 1 1 ${ue(0)} ${rest} 1`));
  assert.deepEqual(found, { id: 2, sequence: 1, bottomOrder: true, sliceGroups: 1, redundant: true });
  assert.equal(parsePictureSet(nal(`${ue(0)} ${ue(0)} 1 0 ${ue(3)}`)).sliceGroups, 4);
});
