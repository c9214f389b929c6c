/**
 * Checks a prepared clip before a mix reads it. The function that made it opens files of strangers: if it was taken over,
 * the file may be anything. ISO/IEC 14496-12.
 */
import { stat } from 'node:fs/promises';
import { type FrameRate, samplesOf } from '../model/frame-rate.ts';
import type { Profile } from '../model/pins.ts';
import { ByteWindow } from './byte-window.ts';
import { type Box, children, one, type Place, readIndex, topLevel } from './mp4/boxes.ts';
import { decodedAt, MOST_OFF_GRID, placed, shownAt } from './native/sample-times.ts';
import { timescale } from './profile.ts';
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
/** Of the file itself. ffmpeg writes four. */
const MOST_BOXES = 64;
/** 18 hours at 60 frames per second. A few bytes of index can say more, and each takes memory. */
const MOST_FRAMES = 4_000_000;
/** Without metadata it has 53 bytes. */
const MOST_USER_DATA = 256;
/** One reference, of type url, with the flag "in this same file". */
const SELF_CONTAINED = '00000000000000010000000c75726c2000000001';
/** Without frames an index has 1 KB. A frame adds at most a size, a chunk with a run, its times, and a key frame. */
const INDEX_BYTES = 65_536;
const INDEX_BYTES_PER_FRAME = 48;
/** A late beginning, and how long it plays from where on, at normal speed. */
const EDITS =
  /^00000000(?:00000001|00000002[0-9a-f]{8}ffffffff00010000)[0-9a-f]{8}([0-7][0-9a-f]{7})00010000$/;
/** Bytes of a sample entry before its boxes: VisualSampleEntry. */
const AVC1_FIELDS = 78;

export interface CheckedClip {
  video: string;
  sound: string;
  frames: number;
  samples: number;
}

/**
 * Throws an Error that says what is wrong, unless the picture is one H.264 track of that size, rate and number of frames
 * whose frames are all in this file, and the sound has exactly their length.
 */
export async function checkClip(clip: CheckedClip, profile: Profile): Promise<void> {
  const { frames, samples } = clip;
  if (frames > MOST_FRAMES) throw new Error(`Expected at most ${MOST_FRAMES} frames, got ${frames}`);
  expect('samples', samples, samplesOf(frames, profile.rate));
  await checkSound(clip.sound, samples);
  await using bytes = await ByteWindow.open(clip.video);
  const places: Place[] = [];
  for await (const place of topLevel(bytes)) {
    places.push(place);
    if (places.length > MOST_BOXES) throw new Error(`Expected at most ${MOST_BOXES} boxes, got more`);
  }
  refuseOthers('file', places);
  expect('end of the last box', places.at(-1)?.end ?? 0, bytes.size);
  const moov = await readIndex(bytes, INDEX_BYTES + frames * INDEX_BYTES_PER_FRAME);
  const boxes = children(moov);
  refuseOthers('moov', boxes);
  const userData = boxes.find(({ type }) => type === 'udta')?.body.length ?? 0;
  if (userData > MOST_USER_DATA) throw new Error(`Expected no metadata, got ${userData} bytes`);
  const media = places.filter(({ type }) => type === 'mdat');
  checkTrack(one(moov, 'trak'), media, frames, profile);
}

/** Throws an Error unless the raw sound has exactly that many samples. */
export async function checkSound(file: string, samples: number): Promise<void> {
  expect('bytes of sound', (await stat(file)).size, samples * BYTES_PER_SAMPLE);
}

function checkTrack(trak: Buffer, media: readonly Place[], frames: number, profile: Profile): void {
  refuseOthers('trak', children(trak));
  const { width, height, rate } = profile;
  const size = one(trak, 'tkhd').subarray(-8);
  expect('width', size.readUInt32BE(0), width * 2 ** 16);
  expect('height', size.readUInt32BE(4), height * 2 ** 16);
  const mdia = one(trak, 'mdia');
  const minf = one(mdia, 'minf');
  const tables = one(minf, 'stbl');
  for (const [name, body] of [
    ['mdia', mdia],
    ['minf', minf],
    ['dinf', one(minf, 'dinf')],
    ['stbl', tables],
  ] as const) {
    refuseOthers(name, children(body));
  }
  expect('data reference', one(one(minf, 'dinf'), 'dref').toString('hex'), SELF_CONTAINED);
  expect('handler', one(mdia, 'hdlr').toString('latin1', 8, 12), 'vide');
  expect('version of mdhd', one(mdia, 'mdhd').readUInt8(0), 0);
  expect('ticks per second', one(mdia, 'mdhd').readUInt32BE(12), timescale(rate));

  const stsd = one(tables, 'stsd');
  const [entry, ...more] = children(stsd.subarray(8));
  expect('sample entries', [stsd.readUInt32BE(4), entry?.type, more.length].join(), '1,avc1,0');
  const avc1 = (entry as Box).body;
  expect('index of the data reference', avc1.readUInt16BE(6), 1);
  expect('picture', `${avc1.readUInt16BE(24)}x${avc1.readUInt16BE(26)}`, `${width}x${height}`);
  one(avc1.subarray(AVC1_FIELDS), 'avcC');

  checkEdits(trak, checkTimes(tables, frames, rate));
  checkPlaces(tables, media, frames);
}

/** One frame on each place of the grid. Returns when the first one is shown, in ticks. */
function checkTimes(tables: Buffer, frames: number, rate: FrameRate): number {
  const ctts = children(tables).find(({ type }) => type === 'ctts')?.body;
  const shown = shownAt(decodedAt(one(tables, 'stts'), frames), ctts);
  const { order, most } = placed(shown, (timescale(rate) * rate.den) / rate.num);
  if (most > MOST_OFF_GRID)
    throw new Error(`Expected frames of one length, got one off by ${most.toFixed(2)} frames`);
  return shown[order[0] ?? 0] ?? 0;
}

/** No edit list, or one that cuts no frame off. */
function checkEdits(trak: Buffer, first: number): void {
  const edts = children(trak).find(({ type }) => type === 'edts');
  if (edts === undefined) return;
  const edits = one(edts.body, 'elst').toString('hex');
  const from = Number.parseInt(EDITS.exec(edits)?.[1] ?? '', 16);
  if (!(from <= first))
    throw new Error(`Expected one edit from the first frame on, got ${edits.slice(0, 80)}`);
}

/** Every frame is in the file's own media data. */
function checkPlaces(tables: Buffer, media: readonly Place[], frames: number): void {
  const stsz = one(tables, 'stsz');
  expect('frame sizes', stsz.readUInt32BE(8), frames);
  const equal = stsz.readUInt32BE(4);
  if (equal === 0) expect('bytes of frame sizes', stsz.length, 12 + 4 * frames);
  const sizeOf = (frame: number) => equal || stsz.readUInt32BE(12 + 4 * frame);

  const [offsets, width] = children(tables).some(({ type }) => type === 'co64')
    ? [one(tables, 'co64'), 8]
    : [one(tables, 'stco'), 4];
  const chunks = (offsets.length - 8) / width;
  expect('chunks', offsets.readUInt32BE(4), chunks);
  const offsetOf = (chunk: number) =>
    width === 8 ? Number(offsets.readBigUInt64BE(8 + 8 * chunk)) : offsets.readUInt32BE(8 + 4 * chunk);

  const runs = one(tables, 'stsc');
  const count = (runs.length - 8) / 12;
  expect('runs of chunks', runs.readUInt32BE(4), count);
  let frame = 0;
  for (let run = 0, chunk = 0; run < count; run++) {
    const at = 8 + 12 * run;
    expect('first chunk of a run', runs.readUInt32BE(at), chunk + 1);
    expect('sample entry of a run', runs.readUInt32BE(at + 8), 1);
    const perChunk = runs.readUInt32BE(at + 4);
    const next = run + 1 < count ? runs.readUInt32BE(at + 12) - 1 : chunks;
    for (; chunk < Math.min(next, chunks); chunk++) {
      const start = offsetOf(chunk);
      let end = start;
      for (let left = perChunk; left > 0 && frame < frames; left--) end += sizeOf(frame++);
      if (!media.some((box) => start >= box.start && end <= box.end)) {
        throw new Error(`Expected every frame in the media data, got one at ${start} to ${end}`);
      }
    }
  }
  expect('frames in chunks', frame, frames);
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
