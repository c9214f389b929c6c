/**
 * Reads the tracks of files that we made: prepared clips and soundtracks. ISO/IEC 14496-12, 8.4 to 8.7.
 * Their values are checked, because whoever made the file reads files of strangers.
 */
import { type FrameRate, SAMPLE_RATE } from '../../model/frame-rate.ts';
import { ByteWindow } from '../byte-window.ts';
import { timescale } from '../profile.ts';
import { type Box, children, type Place, readIndex, topLevel } from './boxes.ts';
import { type PictureHeader, pictureHeader, type SoundHeader, soundHeader } from './sample-entry.ts';
import { offsetsOf, sizesOf, syncOf } from './sample-tables.ts';
import { lengthOf, MOST_OFF_GRID, offGrid, shownOf } from './sample-times.ts';

/** The frames or packets of one track, in the order in which they are decoded. All are within the file. */
export interface Samples {
  /** Absolute path. */
  file: string;
  /** Bytes of each. */
  sizes: Uint32Array;
  /** Where each begins in the file. */
  offsets: Float64Array;
}

export interface Picture extends Samples, PictureHeader {
  /** Indexes of the frames at which decoding can begin; null: all. */
  sync: Uint32Array | null;
  /** When each frame is shown, counted in frames from the first; null: in the order of decoding. */
  order: Uint32Array | null;
}

export interface Sound extends Samples, SoundHeader {
  /** Packets before the sound begins: what the encoder needs to begin with. */
  priming: number;
  /** Samples per channel of all packets together, without the priming. */
  length: number;
}

/** Samples per channel of an AAC packet. */
export const PACKET = 1024;
/** Encoders begin with one to three. */
const MOST_PRIMING = 4;
/** Of the file itself. ffmpeg writes four. */
const MOST_BOXES = 64;
const NORMAL_SPEED = 0x1_0000;

/** What a file has, and one of its tracks, before the tables are read. */
export interface Track {
  file: string;
  /** The boxes of the file. */
  places: Place[];
  moov: Box[];
  /** Of the track: its own boxes, those of `mdia`, of `minf` and of `stbl`. */
  trak: Box[];
  mdia: Box[];
  minf: Box[];
  tables: Box[];
}

/** The picture of a prepared clip, with any rate. Throws an Error that says what is wrong with its tables. */
export async function readPicture(file: string, rate?: FrameRate): Promise<Picture> {
  return pictureOf(await readTrack(file, 'vide'), rate);
}

/** @param rate at which each frame must be on its place; undefined: frames may come at any times */
export function pictureOf(track: Track, rate?: FrameRate): Picture {
  const { trak, mdia, tables } = track;
  const header = pictureHeader(only(tables, 'stsd'));
  const samples = samplesOf(track);
  const frames = samples.sizes.length;
  const sync = syncOf(optional(tables, 'stss'), frames);
  const shown = shownOf(only(tables, 'stts'), optional(tables, 'ctts'), frames);
  const edit = editOf(trak);
  const begin = shown.timeOf(0);
  // It may come late, as the clip's own sound may begin before it, but no frame is cut off.
  if (edit !== undefined && edit.from > begin)
    throw new Error(`Expected an edit that shows all frames from ${begin} on, got one from ${edit.from}`);
  if (rate !== undefined) {
    const ticks = timescale(rate);
    refuseTicks(mdia, ticks);
    const off = offGrid(shown, frames, (ticks * rate.den) / rate.num);
    if (off > MOST_OFF_GRID)
      throw new Error(`Expected frames of one length, got one off by ${off.toFixed(2)} frames`);
  }
  return { ...samples, ...header, sync, order: shown.order };
}

/** The sound of a soundtrack. Throws an Error that says what is wrong with its tables. */
export async function readSound(file: string): Promise<Sound> {
  const track = await readTrack(file, 'soun');
  const { trak, mdia, tables } = track;
  const header = soundHeader(only(tables, 'stsd'));
  refuseTicks(mdia, SAMPLE_RATE);
  const samples = samplesOf(track);
  const packets = samples.sizes.length;
  const edit = editOf(trak);
  const from = edit?.from ?? 0;
  const priming = from / PACKET;
  if (edit?.isLate || !Number.isInteger(priming) || priming > MOST_PRIMING || priming >= packets)
    throw new Error(`Expected sound from one of the first packets on, got from sample ${from}`);
  return { ...samples, ...header, priming, length: lengthOf(only(tables, 'stts'), packets, PACKET) - from };
}

/**
 * The only track with that handler. Throws an Error if there is none or another one, or if the file is no whole MP4.
 * @param mostBytes of index
 */
export async function readTrack(file: string, handler: string, mostBytes?: number): Promise<Track> {
  await using bytes = await ByteWindow.open(file);
  const places: Place[] = [];
  for await (const place of topLevel(bytes)) {
    places.push(place);
    if (places.length > MOST_BOXES) throw new Error(`Expected at most ${MOST_BOXES} boxes, got more`);
  }
  const end = places.at(-1)?.end ?? 0;
  if (end !== bytes.size) throw new Error(`Expected boxes up to the end at ${bytes.size}, got up to ${end}`);
  const indexes = places.filter(({ type }) => type === 'moov').length;
  if (indexes > 1) throw new Error(`Expected one index, got ${indexes}`);
  const moov = children(await readIndex(bytes, mostBytes));
  const tracks = moov
    .filter(({ type }) => type === 'trak')
    .map(({ body }) => ({ trak: children(body), mdia: children(only(children(body), 'mdia')) }))
    .filter(({ mdia }) => only(mdia, 'hdlr').toString('latin1', 8, 12) === handler);
  const [track] = tracks;
  if (track === undefined || tracks.length > 1)
    throw new Error(`Expected one track of type ${handler}, got ${tracks.length}`);
  const minf = children(only(track.mdia, 'minf'));
  return { file, places, moov, ...track, minf, tables: children(only(minf, 'stbl')) };
}

function samplesOf({ file, places, tables }: Track): Samples {
  const sizes = sizesOf(only(tables, 'stsz'));
  const chunks = {
    stsc: only(tables, 'stsc'),
    stco: optional(tables, 'stco'),
    co64: optional(tables, 'co64'),
  };
  const media = places.filter(({ type }) => type === 'mdat');
  return { file, sizes, offsets: offsetsOf(chunks, sizes, media) };
}

function optional(boxes: readonly Box[], type: string): Buffer | undefined {
  const found = boxes.filter((box) => box.type === type);
  if (found.length > 1) throw new Error(`Expected one ${type}, got ${found.length}`);
  return found[0]?.body;
}

/** The body of the only box of that type. Throws an Error if there is none, two, or one that is empty. */
export function only(boxes: readonly Box[], type: string): Buffer {
  const body = optional(boxes, type);
  if (body === undefined) throw new Error(`Expected an MP4 with a ${type} box, got none`);
  // Whatever is read of it before its own checks.
  if (body.length < 8) throw new Error(`Expected a ${type} box with a body, got ${body.length} bytes`);
  return body;
}

function refuseTicks(mdia: readonly Box[], wanted: number): void {
  const mdhd = only(mdia, 'mdhd');
  const at = mdhd[0] === 1 ? 20 : 12;
  if (mdhd.length < at + 4) throw new Error(`Expected a whole mdhd, got ${mdhd.length} bytes`);
  const ticks = mdhd.readUInt32BE(at);
  if (ticks !== wanted) throw new Error(`Expected ${wanted} ticks per second, got ${ticks}`);
}

interface Edit {
  /** From where on the track is played, in its own ticks. */
  from: number;
  /** Whether it begins later than the file. */
  isLate: boolean;
}

/** Undefined without an edit list. Throws an Error if it does more than begin somewhere, at normal speed. */
function editOf(trak: readonly Box[]): Edit | undefined {
  const edts = optional(trak, 'edts');
  if (edts === undefined) return undefined;
  const elst = only(children(edts), 'elst');
  const isLong = elst[0] === 1;
  const width = isLong ? 20 : 12;
  const entries = elst.readUInt32BE(4);
  if (entries < 1 || entries > 2 || elst.length !== 8 + width * entries)
    throw new Error(`Expected one edit, got ${entries} in ${elst.length} bytes`);
  const at = (entry: number) => 8 + width * entry + (isLong ? 8 : 4);
  const from = (entry: number) =>
    isLong ? Number(elst.readBigInt64BE(at(entry))) : elst.readInt32BE(at(entry));
  const last = entries - 1;
  const isLate = entries === 2;
  const speed = elst.readUInt32BE(at(last) + (isLong ? 8 : 4));
  if ((isLate && from(0) !== -1) || from(last) < 0 || speed !== NORMAL_SPEED)
    throw new Error(`Expected one edit at normal speed, got ${elst.toString('hex', 4, 48)}`);
  return { from: from(last), isLate };
}

/** The packets for so many samples; all of them if there are no more. */
export function beginningOf(sound: Sound, length: number): Sound {
  if (length >= sound.length) return sound;
  const packets = sound.priming + Math.ceil(length / PACKET);
  return {
    ...sound,
    sizes: sound.sizes.subarray(0, packets),
    offsets: sound.offsets.subarray(0, packets),
    length,
  };
}
