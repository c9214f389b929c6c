/**
 * Checks a prepared clip before a mix reads it. The function that made it opens files of strangers: if it was taken over,
 * the file may be anything. ISO/IEC 14496-12.
 */
import { stat } from 'node:fs/promises';
import { samplesOf } from '../model/frame-rate.ts';
import type { Profile } from '../model/pins.ts';
import { type Box, children } from './mp4/boxes.ts';
import { MOST_SAMPLES } from './mp4/sample-tables.ts';
import { only, type Picture, pictureOf, readTrack, type Track } from './mp4/tracks.ts';
import { BYTES_PER_SAMPLE } from './sound.ts';

/** The boxes that conforming and copying write, by the box that they are in. Others could name files, fragments or keys. */
const BOXES: Readonly<Record<string, readonly string[]>> = {
  file: ['ftyp', 'moov', 'free', 'mdat'],
  moov: ['mvhd', 'trak', 'udta'],
  trak: ['tkhd', 'edts', 'mdia'],
  edts: ['elst'],
  mdia: ['mdhd', 'hdlr', 'minf'],
  minf: ['vmhd', 'dinf', 'stbl'],
  dinf: ['dref'],
  stbl: ['stsd', 'stts', 'ctts', 'stss', 'stsc', 'stsz', 'stco', 'co64', 'sdtp', 'sgpd', 'sbgp'],
};
/** Without metadata it has 53 bytes. */
const MOST_USER_DATA = 256;
/** One reference, of type url, with the flag "in this same file". */
const SELF_CONTAINED = '00000000000000010000000c75726c2000000001';
/** Without frames an index has 1 KB. A frame adds at most a size, a chunk with a run, its times, and a key frame. */
const INDEX_BYTES = 65_536;
const INDEX_BYTES_PER_FRAME = 48;

export interface CheckedClip {
  video: string;
  sound: string;
  frames: number;
  samples: number;
}

/**
 * Reads the picture. Throws an Error that says what is wrong, unless it is one H.264 track of that size, rate and number of
 * frames whose frames are all in this file, and the sound has exactly their length.
 */
export async function checkClip(clip: CheckedClip, profile: Profile): Promise<Picture> {
  const { frames, samples } = clip;
  if (frames > MOST_SAMPLES) throw new Error(`Expected at most ${MOST_SAMPLES} frames, got ${frames}`);
  expect('samples', samples, samplesOf(frames, profile.rate));
  await checkSound(clip.sound, samples);
  const track = await readTrack(clip.video, 'vide', INDEX_BYTES + frames * INDEX_BYTES_PER_FRAME);
  checkBoxes(track, profile);
  const picture = pictureOf(track, profile.rate);
  expect('frames', picture.sizes.length, frames);
  expect('picture', `${picture.width}x${picture.height}`, `${profile.width}x${profile.height}`);
  return picture;
}

/** Throws an Error unless the raw sound has exactly that many samples. */
export async function checkSound(file: string, samples: number): Promise<void> {
  expect('bytes of sound', (await stat(file)).size, samples * BYTES_PER_SAMPLE);
}

function checkBoxes({ places, moov, trak, mdia, minf, tables }: Track, { width, height }: Profile): void {
  const dinf = children(only(minf, 'dinf'));
  refuseOthers('file', places);
  for (const [name, boxes] of Object.entries({ moov, trak, mdia, minf, dinf, stbl: tables })) {
    refuseOthers(name, boxes);
  }
  const edts = trak.find(({ type }) => type === 'edts');
  if (edts !== undefined) refuseOthers('edts', children(edts.body));
  const userData = moov.find(({ type }) => type === 'udta')?.body.length ?? 0;
  if (userData > MOST_USER_DATA) throw new Error(`Expected no metadata, got ${userData} bytes`);
  const size = only(trak, 'tkhd').subarray(-8);
  expect('width', size.readUInt32BE(0), width * 2 ** 16);
  expect('height', size.readUInt32BE(4), height * 2 ** 16);
  expect('data reference', only(dinf, 'dref').toString('hex'), SELF_CONTAINED);
}

function refuseOthers(parent: string, boxes: readonly Pick<Box, 'type'>[]): void {
  const types = boxes.map(({ type }) => type);
  const other = types.find((type, at) => {
    const isRepeated = types.indexOf(type) !== at && type !== 'free' && type !== 'sgpd' && type !== 'sbgp';
    return isRepeated || !BOXES[parent]?.includes(type);
  });
  if (other !== undefined)
    throw new Error(`Expected the boxes of a conformed clip in ${parent}, got ${JSON.stringify(other)}`);
}

function expect<T extends string | number>(what: string, found: T, expected: T): void {
  if (found !== expected) throw new Error(`Expected ${what} ${expected}, got ${found}`);
}
