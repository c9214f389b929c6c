/** Builds what stands before the media of a finished video: `ftyp` and `moov`. ISO/IEC 14496-12. */
import { SAMPLE_RATE } from '../../model/frame-rate.ts';
import { timescale } from '../profile.ts';
import { box, fullBox, runs, table, u32 } from './build.ts';
import type { Chunk, Movie, Placed } from './movie.ts';
import { PACKET, type Picture } from './tracks.ts';

export interface Layout {
  frames: readonly Placed[];
  packets: readonly Placed[];
  chunks: readonly Chunk[];
  /** Bytes of each chunk. */
  sizes: readonly number[];
  /** Where the first one begins in the file. */
  start: number;
}

const MATRIX = u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000);
/** "und" in 5 bits each. */
const NO_LANGUAGE = Buffer.from([0x55, 0xc4, 0, 0]);
const SELF_CONTAINED = box('dinf', fullBox('dref', 0, 0, u32(1), fullBox('url ', 0, 1)));
const LARGEST_SHORT = 0xffff_ffff;

export function moovBox(movie: Movie, layout: Layout): Buffer {
  const ticks = timescale(movie.rate);
  const frameTicks = (ticks * movie.rate.den) / movie.rate.num;
  const order = orderOf(movie.clips);
  const delay =
    movie.editLists && order !== null ? order.reduce((most, rank, at) => Math.max(most, at - rank), 0) : 0;
  const picture = pictureTrack(movie, layout, { ticks, frameTicks, order, delay });
  const sound = soundTrack(movie, layout, ticks);
  const duration = Math.max(layout.frames.length * frameTicks, soundTicks(movie, ticks));
  const mvhd = fullBox(
    'mvhd',
    0,
    0,
    u32(0, 0, ticks, duration, 0x10000, 0x1000000, 0, 0),
    MATRIX,
    Buffer.alloc(24),
    u32(3),
  );
  const brands = order !== null && !movie.editLists ? 'isomiso4avc1mp41' : 'isomiso2avc1mp41';
  return Buffer.concat([
    box('ftyp', Buffer.from('isom'), u32(512), Buffer.from(brands)),
    box('moov', mvhd, picture, sound),
  ]);
}

function pictureTrack(
  movie: Movie,
  layout: Layout,
  {
    ticks,
    frameTicks,
    order,
    delay,
  }: { ticks: number; frameTicks: number; order: Uint32Array | null; delay: number },
): Buffer {
  const [first] = movie.clips as [Picture];
  const { length } = layout.frames;
  const later = (at: number) => ((order?.[at] ?? at) - at + delay) * frameTicks;
  const shifts = order === null ? [] : runs(length, later);
  const tables = box(
    'stbl',
    fullBox('stsd', 0, 0, u32(1), first.entry),
    fullBox('stts', 0, 0, u32(1, length, frameTicks)),
    ...syncTable(movie.clips),
    ...(order === null
      ? []
      : [fullBox('ctts', movie.editLists ? 0 : 1, 0, u32(shifts.length / 2, ...shifts))]),
    ...places(layout, 'picture', layout.frames),
  );
  const duration = length * frameTicks;
  return box(
    'trak',
    trackHeader(1, duration, { volume: 0, width: first.width, height: first.height }),
    ...(movie.editLists ? [edit(duration, delay * frameTicks)] : []),
    media(ticks, duration, 'vide', 'VideoHandler', fullBox('vmhd', 0, 1, u32(0, 0)), tables),
  );
}

function soundTrack(movie: Movie, layout: Layout, ticks: number): Buffer {
  const { sound, editLists } = movie;
  const { length } = layout.packets;
  const samples = sound.length + (editLists ? sound.priming * PACKET : 0);
  const last = samples - (length - 1) * PACKET;
  const lengths = runs(length, (at) => (at === length - 1 ? last : PACKET));
  const tables = box(
    'stbl',
    fullBox('stsd', 0, 0, u32(1), sound.entry),
    fullBox('stts', 0, 0, u32(lengths.length / 2, ...lengths)),
    ...places(layout, 'sound', layout.packets),
    // Each packet can be decoded once the one before it was.
    fullBox('sgpd', 1, 0, Buffer.from('roll'), u32(2, 1), Buffer.from([0xff, 0xff])),
    fullBox('sbgp', 0, 0, Buffer.from('roll'), u32(1, length, 1)),
  );
  const duration = soundTicks(movie, ticks);
  return box(
    'trak',
    trackHeader(2, duration, { volume: 0x100, width: 0, height: 0 }),
    ...(editLists ? [edit(duration, sound.priming * PACKET)] : []),
    media(SAMPLE_RATE, samples, 'soun', 'SoundHandler', fullBox('smhd', 0, 0, u32(0)), tables),
  );
}

function soundTicks({ sound }: Movie, ticks: number): number {
  return Math.round((sound.length * ticks) / SAMPLE_RATE);
}

function trackHeader(
  id: number,
  duration: number,
  { volume, width, height }: { volume: number; width: number; height: number },
): Buffer {
  // Both tracks are shown; sound is in an alternate group of its own.
  const group = id === 2 ? 1 : 0;
  return fullBox(
    'tkhd',
    0,
    3,
    u32(0, 0, id, 0, duration, 0, 0, group, volume * 0x10000),
    MATRIX,
    u32(width * 0x10000, height * 0x10000),
  );
}

function edit(duration: number, mediaTime: number): Buffer {
  return box('edts', fullBox('elst', 0, 0, u32(1, duration, mediaTime, 0x10000)));
}

function media(
  ticks: number,
  duration: number,
  kind: string,
  name: string,
  header: Buffer,
  tables: Buffer,
): Buffer {
  return box(
    'mdia',
    fullBox('mdhd', 0, 0, u32(0, 0, ticks, duration), NO_LANGUAGE),
    fullBox('hdlr', 0, 0, u32(0), Buffer.from(kind), u32(0, 0, 0), Buffer.from(`${name}\0`)),
    box('minf', header, SELF_CONTAINED, tables),
  );
}

function syncTable(clips: readonly Picture[]): Buffer[] {
  if (clips.every(({ sync }) => sync === null)) return [];
  const numbers: number[] = [];
  let before = 0;
  for (const { sync, sizes } of clips) {
    for (const at of sync ?? sizes.keys()) numbers.push(before + at + 1);
    before += sizes.length;
  }
  return [table('stss', Uint32Array.from(numbers))];
}

function places(layout: Layout, track: Chunk['track'], samples: readonly Placed[]): Buffer[] {
  const own: Chunk[] = [];
  const offsets: number[] = [];
  let at = layout.start;
  for (const [number, chunk] of layout.chunks.entries()) {
    if (chunk.track === track) {
      own.push(chunk);
      offsets.push(at);
    }
    at += layout.sizes[number] as number;
  }
  const lengths: number[] = [];
  for (const [number, { from, to }] of own.entries()) {
    if (lengths.at(-2) !== to - from) lengths.push(number + 1, to - from, 1);
  }
  const isLong = at > LARGEST_SHORT;
  return [
    fullBox('stsc', 0, 0, u32(lengths.length / 3, ...lengths)),
    fullBox('stsz', 0, 0, u32(0), u32(samples.length, ...samples.map(({ bytes }) => bytes))),
    isLong
      ? fullBox(
          'co64',
          0,
          0,
          u32(offsets.length, ...offsets.flatMap((offset) => [Math.floor(offset / 2 ** 32), offset])),
        )
      : table('stco', Uint32Array.from(offsets)),
  ];
}

/** Of the whole film; null if all its frames are shown in the order of decoding. */
function orderOf(clips: readonly Picture[]): Uint32Array | null {
  if (clips.every(({ order }) => order === null)) return null;
  const whole = new Uint32Array(clips.reduce((sum, { sizes }) => sum + sizes.length, 0));
  let before = 0;
  for (const { order, sizes } of clips) {
    for (let at = 0; at < sizes.length; at++) whole[before + at] = before + (order?.[at] ?? at);
    before += sizes.length;
  }
  return whole;
}
