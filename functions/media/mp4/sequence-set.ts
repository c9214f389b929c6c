/** Finds the sequence parameter set in the header of a picture track. */
import { HEADER } from './boxes.ts';
import { readConfiguration } from './decoder-configuration.ts';
import { parseSequenceSet, type SequenceSet } from './parameter-sets.ts';
import { pictureBoxes } from './sample-entry.ts';

/** @param entry `avc1`, with its header. Throws an Error if it is broken. */
export function sequenceSetOf(entry: Buffer): SequenceSet {
  const avcC = pictureBoxes(entry.subarray(HEADER)).find(({ type }) => type === 'avcC');
  if (avcC === undefined) throw new Error('Expected a header with avcC, got none');
  return parseSequenceSet(readConfiguration(avcC.body).sequence);
}
