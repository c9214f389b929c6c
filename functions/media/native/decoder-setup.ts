/**
 * Reads the sample entry of a remuxed clip: what a decoder is set up with for all its frames, and for those of the clips
 * that are joined to it. ISO/IEC 14496-12, 12.1.3, and -15, 5.3.3.
 */
import { readConfiguration } from '../mp4/decoder-configuration.ts';
import {
  type PictureSet,
  parsePictureSet,
  parseSequenceSet,
  type SequenceSet,
} from '../mp4/parameter-sets.ts';
import { entryTypes, LENGTH_BYTES, pictureEntry } from '../mp4/sample-entry.ts';
import { ANAMORPHIC, FULL_RANGE, HDR, INTERLACED, orRefused, refuseUnless } from './refused.ts';

export interface DecoderSetup {
  sequence: SequenceSet;
  pictures: readonly PictureSet[];
}

const BOXES = ['avcC', 'colr', 'pasp', 'btrt', 'fiel'];
const [BASELINE, MAIN, HIGH] = [66, 77, 100];
/** As editors call them. */
const PROFILES: Readonly<Record<number, string>> = {
  [BASELINE]: 'Baseline',
  88: 'Extended',
  110: 'High 10',
  122: 'High 4:2:2',
  244: 'High 4:4:4 Predictive',
};
/** The highest level that our own clips may have. */
const HIGHEST_LEVEL = 52;
/** transfer_characteristics of PQ and HLG. */
const HDR_TRANSFERS = [16, 18];

/** @param stsd its body. Throws CopyRefused. */
export function readDecoderSetup(
  stsd: Buffer,
  { width, height }: { width: number; height: number },
): DecoderSetup {
  const types = orRefused(BROKEN, () => entryTypes(stsd));
  refuseUnless(
    !types.includes('avc3'),
    'is packaged for streaming (avc3), so its header may change within the film',
  );
  const { boxes, ...found } = orRefused(BROKEN, () => pictureEntry(stsd));
  const size = `${found.width}x${found.height}`;
  refuseUnless(size === `${width}x${height}`, `has a header for pictures of ${size}`);
  const parts = boxes.map(({ type }) => type);
  const odd = parts.find((type, at) => !BOXES.includes(type) || parts.indexOf(type) !== at);
  refuseUnless(odd === undefined, `has something unusual in its header (${JSON.stringify(odd)})`);
  const of = (type: string) => boxes.find((box) => box.type === type)?.body;
  const aspect = of('pasp');
  const isSquare = orRefused(BROKEN, () => aspect?.readUInt32BE(0) === aspect?.readUInt32BE(4));
  refuseUnless(isSquare, ANAMORPHIC);
  refuseUnless((of('fiel')?.[0] ?? 1) === 1, INTERLACED);
  orRefused(BROKEN, () => checkColours(of('colr')));
  const avcC = of('avcC');
  refuseUnless(avcC !== undefined, 'has no settings for decoders in its header');
  const setup = orRefused(BROKEN, () => parseConfiguration(avcC));
  checkSequence(setup.sequence, { width, height });
  return setup;
}

const BROKEN = 'has a header that is broken, or of an unusual form';

/** nclx: primaries, transfer, matrix, and whether the range is full. */
function checkColours(colr: Buffer | undefined): void {
  if (colr === undefined) return;
  const kind = colr.toString('latin1', 0, 4);
  refuseUnless(kind === 'nclx' || kind === 'nclc', 'has a colour profile (ICC)');
  refuseUnless(!HDR_TRANSFERS.includes(colr.readUInt16BE(6)), HDR);
  refuseUnless(kind === 'nclc' || (colr.readUInt8(10) & 0x80) === 0, FULL_RANGE);
}

function parseConfiguration(avcC: Buffer): DecoderSetup {
  const { lengthBytes, sequence: sps, pictures: sets } = readConfiguration(avcC);
  // Our writer and ffmpeg write no others.
  refuseUnless(
    lengthBytes === LENGTH_BYTES,
    `stores its frames in an unusual way (with lengths of ${lengthBytes} bytes, not 4)`,
  );
  const sequence = parseSequenceSet(sps);
  const pictures = sets.map(parsePictureSet);
  refuseUnless(
    new Set(pictures.map(({ id }) => id)).size === pictures.length,
    'has a header that contradicts itself (two picture parameter sets of one number)',
  );
  for (const picture of pictures) {
    refuseUnless(
      picture.sequence === sequence.id,
      'has a header that lacks a part (a sequence parameter set)',
    );
    refuseUnless(
      picture.sliceGroups === 1 && !picture.redundant,
      'has frames in groups of slices, or in slices that are stored twice',
    );
  }
  return { sequence, pictures };
}

function checkSequence(found: SequenceSet, { width, height }: { width: number; height: number }): void {
  const { profile, level } = found;
  const isRead = profile === MAIN || profile === HIGH || (profile === BASELINE && found.constrained);
  refuseUnless(
    isRead,
    `has the H.264 profile ${PROFILES[profile] ?? profile}, not Constrained Baseline, Main or High`,
  );
  refuseUnless(level <= HIGHEST_LEVEL, `has the H.264 level ${level / 10}, above 5.2`);
  refuseUnless(found.chroma === 1 && found.depth === 8, 'has other colours than 4:2:0 in 8 bits');
  refuseUnless(found.framesOnly, INTERLACED);
  refuseUnless(!found.gaps, 'may leave out frames (gaps in their numbers)');
  refuseUnless(found.square, ANAMORPHIC);
  refuseUnless(!found.fullRange, FULL_RANGE);
  refuseUnless(found.transfer === null || !HDR_TRANSFERS.includes(found.transfer), HDR);
  const size = `${found.width}x${found.height}`;
  refuseUnless(
    size === `${width}x${height}`,
    `has pictures of ${size} under a header for ${width}x${height}`,
  );
}
