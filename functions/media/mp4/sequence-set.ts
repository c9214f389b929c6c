/** Finds the sequence parameter set in the header of a picture track that we made. ISO/IEC 14496-15, 5.3.3. */
import { parseSequenceSet, type SequenceSet } from '../native/parameter-sets.ts';
import { HEADER, one } from './boxes.ts';

/** Of `avc1`, before its boxes. */
const FIELDS = 78;
/** In avcC, before the length of its one sequence parameter set. */
const BEFORE_SET = 6;

/** @param entry `avc1`, with its header */
export function sequenceSetOf(entry: Buffer): SequenceSet {
  const avcC = one(entry.subarray(HEADER + FIELDS), 'avcC');
  const start = BEFORE_SET + 2;
  return parseSequenceSet(avcC.subarray(start, start + avcC.readUInt16BE(BEFORE_SET)));
}
