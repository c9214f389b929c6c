/**
 * The headers of tracks that we made: `avc1` for the picture, `mp4a` for the sound. What is not needed to decode is left out,
 * so that two headers are equal if they decode alike. ISO/IEC 14496-12, 8.5.2; 14496-15, 5.3.3; 14496-1, 7.2.6.
 */
import { SAMPLE_RATE } from '../../model/frame-rate.ts';
import { type Box, children } from './boxes.ts';
import { box, u32 } from './build.ts';

export interface PictureHeader {
  /** `avc1` with avcC, and with pasp and colr if it had them. */
  entry: Buffer;
  width: number;
  height: number;
  profileIdc: number;
  constraints: number;
  levelIdc: number;
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
/** Types of NAL units. */
const SPS = 7;
const PPS = 8;
/** Tags of descriptors, and an object type. */
const ES = 3;
const DECODER = 4;
const SPECIFIC = 5;
const MPEG4_AUDIO = 0x40;
/** Audio object type LC, 48 kHz, in the first nine bits of an AudioSpecificConfig. */
const AAC_LC_48 = 0b00010_0011;

/** Throws an Error that says what is wrong with the body of `stsd`. */
export function pictureHeader(stsd: Buffer): PictureHeader {
  const { body, boxes } = entryOf(stsd, 'avc1', VISUAL_FIELDS);
  const [width, height] = [body.readUInt16BE(24), body.readUInt16BE(26)];
  if (width < 1 || height < 1) throw new Error(`Expected a picture with pixels, got ${width}x${height}`);
  const { avcC, pasp, colr } = known(boxes, 'avcC', ['pasp', 'colr', 'btrt', 'fiel']);
  if (avcC === undefined) throw new Error('Expected a header with avcC, got none');
  checkConfiguration(avcC);
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
  const [profileIdc, constraints, levelIdc] = avcC.subarray(1, 4) as unknown as [number, number, number];
  const entry = Buffer.concat(box('avc1', fields, box('avcC', avcC), rest));
  return { entry, width, height, profileIdc, constraints, levelIdc };
}

/** Throws an Error that says what is wrong with the body of `stsd`. */
export function soundHeader(stsd: Buffer): SoundHeader {
  const { body, boxes } = entryOf(stsd, 'mp4a', SOUND_FIELDS);
  const { esds } = known(boxes, 'esds', ['btrt']);
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

function entryOf(stsd: Buffer, type: string, fields: number): { body: Buffer; boxes: Box[] } {
  const entries = stsd.length < 8 ? [] : children(stsd.subarray(8));
  const [entry] = entries;
  if (entry?.type !== type || entries.length !== 1 || stsd.readUInt32BE(4) !== 1) {
    const found = entries.map((other) => JSON.stringify(other.type)).slice(0, 4);
    throw new Error(`Expected one header of type ${type}, got ${found.join(', ') || 'none'}`);
  }
  const { body } = entry;
  if (body.length < fields) throw new Error(`Expected ${fields} bytes of ${type}, got ${body.length}`);
  if (body.readUInt16BE(6) !== 1) throw new Error(`Expected data reference 1, got ${body.readUInt16BE(6)}`);
  return { body, boxes: children(body.subarray(fields)) };
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

/** One sequence parameter set, some picture parameter sets, and nothing else of that kind. */
function checkConfiguration(avcC: Buffer): void {
  const bytes = new Bytes(avcC, 'avcC');
  if (bytes.u8() !== 1) throw new Error(`Expected avcC of version 1, got ${avcC[0]}`);
  const profile = bytes.take(3);
  if ((bytes.u8() & 3) !== 3)
    throw new Error('Expected lengths of four bytes before NAL units, got shorter ones');
  const sequences = bytes.u8() & 31;
  if (sequences !== 1) throw new Error(`Expected one SPS, got ${sequences}`);
  const sps = bytes.take(bytes.u16());
  if (((sps[0] ?? 0) & 31) !== SPS || !sps.subarray(1, 4).equals(profile))
    throw new Error('Expected an SPS of the profile and level of avcC, got another one');
  const pictures = bytes.u8();
  if (pictures === 0) throw new Error('Expected a PPS, got none');
  for (let left = pictures; left > 0; left--) {
    if (((bytes.take(bytes.u16())[0] ?? 0) & 31) !== PPS)
      throw new Error('Expected a PPS, got another NAL unit');
  }
  // Of high profiles: chroma, depths, and how many extensions of the SPS there are.
  if (bytes.left !== 0 && (bytes.left !== 4 || avcC.at(-1) !== 0))
    throw new Error(`Expected avcC to end after its parameter sets, got ${bytes.left} bytes more`);
}

function checkAac(esds: Buffer, channels: number): void {
  const bytes = new Bytes(esds, 'esds');
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

/** Reads from the front. Throws an Error where nothing is left. */
class Bytes {
  readonly #bytes: Buffer;
  readonly #what: string;
  #at = 0;

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

  /** What a descriptor with that tag has in it. Its length is in groups of seven bits. */
  descriptor(tag: number): Bytes {
    const found = this.u8();
    if (found !== tag) throw new Error(`Expected descriptor ${tag} in ${this.#what}, got ${found}`);
    let length = 0;
    for (let group = 0; group < 4; group++) {
      const byte = this.u8();
      length = length * 128 + (byte & 127);
      if (byte < 128) break;
    }
    return new Bytes(this.take(length), this.#what);
  }
}
