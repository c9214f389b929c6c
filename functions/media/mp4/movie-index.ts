/** Builds what stands before the media of a finished video: `ftyp`, `moov` and the header of `mdat`. ISO/IEC 14496-12. */
import { SAMPLE_RATE } from '../../model/frame-rate.ts';
import { timescale } from '../profile.ts';
import { box, fullBox, LARGEST_U32, lengthOf, list, type Pieces, runs, time, u32 } from './build.ts';
import {
  type ChunkPlaces,
  chunkBoxes,
  chunkPlaces,
  fillOffsets,
  mediaBytes,
  type OffsetTable,
  offsetTable,
  TRACKS,
  type Track,
} from './chunk-tables.ts';
import { orderOf, syncNumbers } from './film-order.ts';
import { languageCode, packedLanguage } from './language.ts';
import type { Film, Layout } from './movie.ts';
import { TEXT_TICKS, textTables } from './text-track.ts';
import { PACKET, type Picture, type Sound } from './tracks.ts';

const MATRIX = u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000);
const SELF_CONTAINED = box('dinf', fullBox('dref', 0, 0, u32(1), fullBox('url ', 0, 1)));
/** Each packet can be decoded once the one before it was. */
const ROLL = [Buffer.from('roll'), u32(2, 1), Buffer.from([0xff, 0xff])] as const;

/** What is the same for all boxes of a file. */
interface Scope {
  movie: Film;
  layout: Layout;
  /** Ticks per second of the picture and of the whole. */
  ticks: number;
  places: ChunkPlaces;
  offsets: Record<Track, OffsetTable>;
}

/** All bytes of the file before its first frame. Offsets and lengths have 64 bits only where 32 do not suffice. */
export function headOf(movie: Film, layout: Layout): Buffer {
  const places = chunkPlaces(layout);
  const ticks = timescale(movie.rate);
  const mdat = mdatHeader(mediaBytes(layout));
  // The index is as long wherever the media begins, so offsets are filled in once its length is known.
  for (const isLong of places.last > LARGEST_U32 ? [true] : [false, true]) {
    const [frames, packets, texts] = TRACKS.map((track) => offsetTable(places[track], isLong)) as [
      OffsetTable,
      OffsetTable,
      OffsetTable,
    ];
    const offsets = { frames, packets, texts };
    const pieces = [...indexOf({ movie, layout, ticks, places, offsets }), mdat];
    const length = lengthOf(pieces);
    if (!isLong && length + places.last > LARGEST_U32) continue;
    for (const track of TRACKS) fillOffsets(offsets[track], places[track], length);
    return Buffer.concat(pieces, length);
  }
  throw new Error('Expected an index with long offsets, got none');
}

function mdatHeader(media: number): Buffer {
  const type = Buffer.from('mdat');
  if (media + 8 <= LARGEST_U32) return Buffer.concat([u32(media + 8), type]);
  return Buffer.concat([u32(1), type, time(media + 16, true)]);
}

function indexOf(scope: Scope): Pieces {
  const { movie, layout } = scope;
  const order = orderOf(movie.clips);
  const duration = Math.max(pictureTicks(scope), soundTicks(scope));
  const isLong = duration > LARGEST_U32;
  const none = time(0, isLong);
  const mvhd = fullBox(
    'mvhd',
    isLong ? 1 : 0,
    0,
    ...[none, none, u32(scope.ticks), time(duration, isLong), u32(0x10000, 0x1000000, 0, 0), MATRIX],
    ...[Buffer.alloc(24), u32(layout.text === undefined ? 3 : 4)],
  );
  // Frames that are shown before their place in the order of decoding came with iso4.
  const brands = order !== null && !movie.editLists ? 'isomiso4avc1mp41' : 'isomiso2avc1mp41';
  return [
    ...box('ftyp', Buffer.from('isom'), u32(512), Buffer.from(brands)),
    ...box(
      'moov',
      mvhd,
      pictureTrack(scope, order),
      movie.sound === null ? [] : soundTrack(scope, movie.sound),
      textTrack(scope),
    ),
  ];
}

function pictureTrack(scope: Scope, order: Uint32Array | null): Pieces {
  const { movie, layout, ticks, places, offsets } = scope;
  const { clips, editLists } = movie;
  const [first] = clips as [Picture];
  const { length } = layout.frames;
  const frameTicks = ticksPerFrame(scope);
  // With an edit list no frame is shown before its place: all are shown later, and the list takes that off again.
  const delay =
    editLists && order !== null ? order.reduce((most, rank, at) => Math.max(most, at - rank), 0) : 0;
  const shift = (at: number) => ((order?.[at] ?? at) - at + delay) * frameTicks;
  const sync = syncNumbers(clips);
  const tables = box(
    'stbl',
    fullBox('stsd', 0, 0, u32(1), first.entry),
    fullBox('stts', 0, 0, u32(1, length, frameTicks)),
    sync === null ? [] : fullBox('stss', 0, 0, list(sync)),
    order === null ? [] : fullBox('ctts', editLists ? 0 : 1, 0, runs(length, shift)),
    chunkBoxes(places.frames, layout.frames, offsets.frames),
  );
  const duration = pictureTicks(scope);
  return box(
    'trak',
    trackHeader(1, duration, first),
    editLists ? edit(duration, delay * frameTicks) : [],
    mediaBox(ticks, duration, 'vide', 'VideoHandler', fullBox('vmhd', 0, 1, u32(0, 0)), tables),
  );
}

function soundTrack(scope: Scope, sound: Sound): Pieces {
  const { movie, layout, places, offsets } = scope;
  const { editLists } = movie;
  const { length } = layout.packets;
  const priming = editLists ? sound.priming * PACKET : 0;
  const samples = sound.length + priming;
  const last = samples - (length - 1) * PACKET;
  const tables = box(
    'stbl',
    fullBox('stsd', 0, 0, u32(1), sound.entry),
    fullBox(
      'stts',
      0,
      0,
      runs(length, (at) => (at === length - 1 ? last : PACKET)),
    ),
    chunkBoxes(places.packets, layout.packets, offsets.packets),
    fullBox('sgpd', 1, 0, ...ROLL),
    fullBox('sbgp', 0, 0, Buffer.from('roll'), u32(1, length, 1)),
  );
  const duration = soundTicks(scope);
  return box(
    'trak',
    trackHeader(2, duration),
    editLists ? edit(duration, priming) : [],
    mediaBox(SAMPLE_RATE, samples, 'soun', 'SoundHandler', fullBox('smhd', 0, 0, u32(0)), tables),
  );
}

/** Without an edit list, as its first text is shown from the start on. */
function textTrack(scope: Scope): Pieces {
  const { movie, layout, ticks, places, offsets } = scope;
  const { text } = layout;
  if (text === undefined) return [];
  const [first] = movie.clips as [Picture];
  const length = text.lengths.reduce((sum, one) => sum + one, 0);
  const tables = box('stbl', textTables(text, first), chunkBoxes(places.texts, text.sizes, offsets.texts));
  const language = languageCode(movie.subtitles?.language);
  return box(
    'trak',
    trackHeader(3, Math.round((length * ticks) / TEXT_TICKS), first),
    mediaBox(TEXT_TICKS, length, 'sbtl', 'SubtitleHandler', fullBox('nmhd', 0, 0), tables, language),
  );
}

function ticksPerFrame({ movie: { rate }, ticks }: Scope): number {
  return (ticks * rate.den) / rate.num;
}

function pictureTicks(scope: Scope): number {
  return scope.layout.frames.length * ticksPerFrame(scope);
}

/** Of the whole, not of the track. */
function soundTicks({ movie: { sound }, ticks }: Scope): number {
  return Math.round(((sound?.length ?? 0) * ticks) / SAMPLE_RATE);
}

function trackHeader(id: 1 | 2 | 3, duration: number, picture = { width: 0, height: 0 }): Pieces {
  const isLong = duration > LARGEST_U32;
  const none = time(0, isLong);
  // Sound and text are in alternate groups of their own, and sound is at full volume.
  const [group, volume] = id === 2 ? [1, 0x1000000] : [id === 3 ? 2 : 0, 0];
  return fullBox(
    'tkhd',
    isLong ? 1 : 0,
    3,
    ...[none, none, u32(id, 0), time(duration, isLong), u32(0, 0, group, volume), MATRIX],
    u32(picture.width * 0x10000, picture.height * 0x10000),
  );
}

function edit(duration: number, mediaTime: number): Pieces {
  const isLong = duration > LARGEST_U32;
  const times = [time(duration, isLong), time(mediaTime, isLong)];
  return box('edts', fullBox('elst', isLong ? 1 : 0, 0, u32(1), ...times, u32(0x10000)));
}

function mediaBox(
  ticks: number,
  duration: number,
  kind: string,
  name: string,
  header: Pieces,
  tables: Pieces,
  language = languageCode(undefined),
): Pieces {
  const isLong = duration > LARGEST_U32;
  const none = time(0, isLong);
  return box(
    'mdia',
    fullBox(
      'mdhd',
      isLong ? 1 : 0,
      0,
      none,
      none,
      u32(ticks),
      time(duration, isLong),
      packedLanguage(language),
    ),
    fullBox('hdlr', 0, 0, u32(0), Buffer.from(kind), u32(0, 0, 0), Buffer.from(`${name}\0`)),
    box('minf', header, SELF_CONTAINED, tables),
  );
}
