/**
 * The headers of tracks that we made: `avc1` for the picture, `mp4a` for the sound. What is not needed to decode is left out,
 * so that two headers are equal if they decode alike. ISO/IEC 14496-12, 8.5.2; 14496-15, 5.3.3; 14496-1, 7.2.6.
 */
import { SAMPLE_RATE } from '../../model/frame-rate.ts';
import { type Box, children } from './boxes.ts';
import { box, u32 } from './build.ts';
import { readConfiguration } from './decoder-configuration.ts';
import { FrontReader } from './front-reader.ts';

export interface PictureHeader {
  /** `avc1` with avcC, and with pasp and colr if it had them. */
  entry: Buffer;
  width: number;
  height: number;
}

export interface SoundHeader {
  /** `mp4a` with esds. */
  entry: Buffer;
  channels: number;
}

/** Of a sample entry before its boxes: VisualSampleEntry and AudioSampleEntry. */
const VISUAL_FIELDS = 78;
const SOUND_FIELDS = 28;
/** Parameter sets of real encoders have some dozen bytes; with scaling matrices, some hundred. */
const MOST_CONFIGURATION = 4_096;
const SQUARE = '0000000100000001';
const RESOLUTION = 0x48_0000;
/** Before each NAL unit: its length. */
export const LENGTH_BYTES = 4;
/** Tags of descriptors, and an object type. */
const ES = 3;
const DECODER = 4;
const SPECIFIC = 5;
const MPEG4_AUDIO = 0x40;
/** Audio object type LC, 48 kHz, in the first nine bits of an AudioSpecificConfig. */
const AAC_LC_48 = 0b00010_0011;

/** Throws an Error that says what is wrong with the body of `stsd`. */
export function pictureHeader(stsd: Buffer): PictureHeader {
  const { width, height, boxes } = pictureEntry(stsd);
  if (width < 1 || height < 1) throw new Error(`Expected a picture with pixels, got ${width}x${height}`);
  const { avcC, pasp, colr } = known(boxes, 'avcC', ['pasp', 'colr', 'btrt', 'fiel']);
  if (avcC === undefined) throw new Error('Expected a header with avcC, got none');
  const { lengthBytes, sequence } = readConfiguration(avcC);
  if (!sequence.subarray(1, 4).equals(avcC.subarray(1, 4)))
    throw new Error('Expected an SPS of the profile and level of avcC, got another one');
  if (lengthBytes !== LENGTH_BYTES)
    throw new Error('Expected lengths of four bytes before NAL units, got shorter ones');
  const shape = pasp?.toString('hex') ?? SQUARE;
  if (shape !== SQUARE) throw new Error(`Expected square pixels, got ${shape.slice(0, 40)}`);
  if (colr !== undefined && !/^ncl[cx]$/.test(colr.toString('latin1', 0, 4))) {
    throw new Error(`Expected colours by number, got ${JSON.stringify(colr.toString('latin1', 0, 4))}`);
  }
  if (colr !== undefined && colr.length > 11)
    throw new Error(`Expected 11 bytes of colours, got ${colr.length}`);
  const fields = Buffer.alloc(VISUAL_FIELDS);
  fields.writeUInt16BE(1, 6);
  fields.writeUInt16BE(width, 24);
  fields.writeUInt16BE(height, 26);
  fields.writeUInt32BE(RESOLUTION, 28);
  fields.writeUInt32BE(RESOLUTION, 32);
  fields.writeUInt16BE(1, 40);
  fields.writeUInt16BE(24, 74);
  fields.writeInt16BE(-1, 76);
  const rest = [...(colr ? box('colr', colr) : []), ...(pasp ? box('pasp', pasp) : [])];
  const entry = Buffer.concat(box('avc1', fields, box('avcC', avcC), rest));
  return { entry, width, height };
}

/** Throws an Error that says what is wrong with the body of `stsd`. */
export function soundHeader(stsd: Buffer): SoundHeader {
  const body = entryOf(stsd, 'mp4a', SOUND_FIELDS);
  const { esds } = known(children(body.subarray(SOUND_FIELDS)), 'esds', ['btrt']);
  if (esds === undefined) throw new Error('Expected a header with esds, got none');
  const [channels, rate] = [body.readUInt16BE(16), body.readUInt32BE(24)];
  if (rate !== SAMPLE_RATE * 0x10000)
    throw new Error(`Expected sound of ${SAMPLE_RATE} Hz, got ${rate / 0x10000}`);
  if (channels !== 1 && channels !== 2) throw new Error(`Expected 1 or 2 channels, got ${channels}`);
  checkAac(esds, channels);
  const fields = Buffer.alloc(SOUND_FIELDS);
  fields.writeUInt16BE(1, 6);
  fields.writeUInt16BE(channels, 16);
  fields.writeUInt16BE(16, 18);
  u32(rate).copy(fields, 24);
  return { entry: Buffer.concat(box('mp4a', fields, box('esds', esds))), channels };
}

/** Types of all headers. Throws an Error if the body of `stsd` is broken. */
export function entryTypes(stsd: Buffer): string[] {
  return stsd.length < 8 ? [] : children(stsd.subarray(8)).map(({ type }) => type);
}

export interface PictureEntry {
  width: number;
  height: number;
  boxes: Box[];
}

/** The only header, `avc1`, as it is. Throws an Error if there is another one, or if its frames are in another file. */
export function pictureEntry(stsd: Buffer): PictureEntry {
  const body = entryOf(stsd, 'avc1', VISUAL_FIELDS);
  return { width: body.readUInt16BE(24), height: body.readUInt16BE(26), boxes: pictureBoxes(body) };
}

/** @param avc1 its body */
export function pictureBoxes(avc1: Buffer): Box[] {
  return children(avc1.subarray(VISUAL_FIELDS));
}

function entryOf(stsd: Buffer, type: string, fields: number): Buffer {
  const entries = stsd.length < 8 ? [] : children(stsd.subarray(8));
  const [entry] = entries;
  if (entry?.type !== type || entries.length !== 1 || stsd.readUInt32BE(4) !== 1) {
    const found = entries.map((other) => JSON.stringify(other.type)).slice(0, 4);
    throw new Error(`Expected one header of type ${type}, got ${found.join(', ') || 'none'}`);
  }
  const { body } = entry;
  if (body.length < fields) throw new Error(`Expected ${fields} bytes of ${type}, got ${body.length}`);
  if (body.readUInt16BE(6) !== 1) throw new Error(`Expected data reference 1, got ${body.readUInt16BE(6)}`);
  return body;
}

/** By type. Throws an Error if there are others, two of one type, or too many bytes. */
function known(
  boxes: readonly Box[],
  needed: string,
  more: readonly string[],
): Record<string, Buffer | undefined> {
  const found: Record<string, Buffer> = {};
  for (const { type, body } of boxes) {
    if (type !== needed && !more.includes(type))
      throw new Error(`Expected a header of ours, got ${JSON.stringify(type)} in it`);
    if (found[type] !== undefined) throw new Error(`Expected one ${type}, got two`);
    if (body.length > MOST_CONFIGURATION)
      throw new Error(`Expected at most ${MOST_CONFIGURATION} bytes of ${type}, got ${body.length}`);
    found[type] = body;
  }
  return found;
}

function checkAac(esds: Buffer, channels: number): void {
  const bytes = new FrontReader(esds, 'esds');
  bytes.take(4);
  const stream = bytes.descriptor(ES);
  stream.u16();
  if (stream.u8() !== 0) throw new Error('Expected an esds without references, got one with them');
  const decoder = stream.descriptor(DECODER);
  const kind = decoder.u8();
  if (kind !== MPEG4_AUDIO) throw new Error(`Expected AAC (object type 64), got ${kind}`);
  decoder.take(12);
  const configuration = decoder.descriptor(SPECIFIC).u16();
  if (configuration >>> 7 !== AAC_LC_48)
    throw new Error(`Expected AAC-LC of 48 kHz, got configuration ${configuration.toString(16)}`);
  const coded = (configuration >>> 3) & 15;
  if (coded !== channels) throw new Error(`Expected AAC with ${channels} channels, got ${coded}`);
}
