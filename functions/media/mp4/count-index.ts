/**
 * Counts the index of an MP4 from outside before ffmpeg reads it: ffmpeg keeps an entry for every sample that the file
 * names, and a few bytes can name millions. Reads boxes wherever ffmpeg does (libavformat/mov.c), which is in more places
 * than ISO/IEC 14496-12 allows. What is broken is left to ffmpeg, which says what is wrong.
 */
import { ByteWindow } from '../byte-window.ts';
import { boxAt, HEADER, MOST_PLACES, topLevel } from './boxes.ts';
import { Mp4Reach } from './reach.ts';
import { missingAfterSegments } from './segments.ts';

export interface Mp4Index {
  /** The first eight bytes of the file, or fewer. */
  beginning: Buffer;
  /** The kind of file that it says it is, such as "isom"; null for other files. */
  brand: string | null;
  /** Entries of the index that ffmpeg would make; 0 for other files. Infinity if they cannot be counted. */
  samples: number;
  /** How many bytes of picture, sound or index are missing at the end of the file, at least. 0 for other files. */
  missing: number;
}

/** Within one index, which has a few dozen for each stream. */
const MOST_INDEX_BOXES = 20_000;
/** The index of two hours of film takes 10 MB. */
const MOST_INDEX_BYTES = 32 * 1024 * 1024;
/** A list of segments has at most 65,535, of 12 bytes. */
const MOST_SEGMENTS_BYTES = 1024 * 1024;
/** Tables are at most in moov, trak, mdia, minf, stbl. */
const DEEPEST = 8;
/** On the first level, boxes that hold an index or a part of one. */
const INDEXES = new Set([
  'moov',
  'moof',
  'trak',
  'traf',
  'mdia',
  'minf',
  'stbl',
  'cmov',
  'mvex',
  'meta',
  'udta',
]);
/** Boxes that contain boxes. */
const CONTAINERS = new Set([...INDEXES, 'edts', 'dinf', 'wave', 'tref', 'ipro', 'sinf', 'schi', 'gmhd']);
/** Of tracks, in their handler. */
const KINDS = ['vide', 'soun', 'subp', 'clcp'];
/** ffmpeg copies a part of the index for each edit. With more of them than anybody cuts, they count as the whole. */
const MOST_EDITS = 100;
/** ffmpeg reads PCM in pieces of so many samples. */
const PIECE = 1_024;

export async function readMp4Index(file: string): Promise<Mp4Index> {
  await using bytes = await ByteWindow.open(file);
  const beginning = await bytes.load(0, HEADER);
  const reach = new Mp4Reach();
  const places = new Set([0]);
  let segments: { body: Buffer; end: number } | undefined;
  let brand: string | null = null;
  let samples = 0;
  const countless = () => ({ beginning, brand, samples: Number.POSITIVE_INFINITY, missing: 0 });
  for await (const { type, at, start, end } of topLevel(bytes)) {
    places.add(end);
    if (type === 'ftyp') brand ??= (await bytes.load(start, 4)).toString('latin1');
    if (INDEXES.has(type)) {
      if (Math.min(end, bytes.size) - start > MOST_INDEX_BYTES) return countless();
      const body = await bytes.load(start, end - start);
      samples += samplesIn(type, body);
      if (samples === Number.POSITIVE_INFINITY) return countless();
      if (type === 'moov') reach.addIndex(body);
      if (type === 'moof') reach.addFragment(body, at);
      if (type === 'moov' || type === 'moof') reach.addBytes(end);
    }
    if (type === 'sidx' && end - start <= MOST_SEGMENTS_BYTES) {
      // Only one at the beginning lists the whole file.
      segments ??= { body: await bytes.load(start, end - start), end };
    }
  }
  if (places.size > MOST_PLACES) return countless();
  const missing = Math.max(
    reach.end - bytes.size,
    segments === undefined ? 0 : missingAfterSegments(segments.body, segments.end, places, bytes.size),
    0,
  );
  // A size that nobody can mean says nothing.
  return { beginning, brand, samples, missing: Number.isSafeInteger(missing) ? missing : 0 };
}

/** What the tables of one track say. */
interface Tables {
  isSound: boolean;
  samples: number;
  chunks: number;
  /** The most samples in one of its chunks. */
  perChunk: number;
  /** All samples last one tick: PCM. */
  isEven: boolean;
  /** How often its samples are shown by its edit list. */
  edits: number;
}

/** The entries for one index. Infinity if it is compressed, or has more boxes than any real one. */
function samplesIn(index: string, whole: Buffer): number {
  let boxes = 0;
  const tracks: Tables[] = [];
  const visit = (parent: string, from: number, to: number, depth: number, track: Tables): void => {
    if (parent === 'cmov' || depth > DEEPEST) boxes = Number.POSITIVE_INFINITY;
    for (let at = from; at + HEADER <= to && boxes <= MOST_INDEX_BOXES; boxes++) {
      const { type, size, skip } = boxAt(whole, at, to - at);
      if (size < skip) break;
      const [start, end] = [at + skip, Math.min(at + size, to)];
      if (CONTAINERS.has(type)) {
        const own = type === 'trak' || type === 'traf' ? added(tracks) : track;
        visit(type, start, end, depth + 1, own);
      } else readTable(type, whole.subarray(start, end), track);
      at += size;
    }
  };
  visit(index, 0, whole.length, 1, added(tracks));
  if (boxes > MOST_INDEX_BOXES) return Number.POSITIVE_INFINITY;
  return tracks.reduce((sum, track) => sum + entriesOf(track), 0);
}

function added(tracks: Tables[]): Tables {
  const tables = { isSound: false, samples: 0, chunks: 0, perChunk: 0, isEven: false, edits: 0 };
  tracks.push(tables);
  return tables;
}

/** A table that occurs twice counts twice, as ffmpeg may use either. */
function readTable(type: string, body: Buffer, track: Tables): void {
  const count = (at: number) => (body.length < at + 4 ? 0 : body.readUInt32BE(at));
  if (type === 'hdlr') {
    // QuickTime has a second one, for the place of the data.
    const kind = body.toString('latin1', 8, 12);
    if (KINDS.includes(kind)) track.isSound = kind === 'soun';
  } else if (type === 'stsz' || type === 'stz2') track.samples += count(8);
  // The samples of a fragment may all have the default size. Then they take no bytes.
  else if (type === 'trun') track.samples += count(4);
  else if (type === 'stco' || type === 'co64') track.chunks += count(4);
  else if (type === 'stts') track.isEven = count(4) === 1 && count(12) === 1;
  else if (type === 'stsc') {
    for (let at = 12; at + 4 <= body.length; at += 12) track.perChunk = Math.max(track.perChunk, count(at));
  } else if (type === 'elst') track.edits += editsIn(body);
}

/** Without empty edits, which show nothing. */
function editsIn(elst: Buffer): number {
  const isLong = elst[0] === 1;
  const [entry, mediaTime] = isLong ? [20, 8] : [12, 4];
  let edits = 0;
  for (let at = 8; at + entry <= elst.length; at += entry) {
    // -1 in either length begins with the sign.
    if (elst.readInt32BE(at + mediaTime) >= 0) edits += 1;
  }
  return edits;
}

function entriesOf({ isSound, isEven, samples, chunks, perChunk, edits }: Tables): number {
  const entries = isSound && isEven ? chunks * Math.max(1, Math.ceil(perChunk / PIECE)) : samples;
  return edits > MOST_EDITS ? entries * edits : entries;
}
