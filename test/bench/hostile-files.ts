/** Small files that cost much. They are written byte by byte, or made from one picture or second of ffmpeg. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  ascii,
  box,
  ebml,
  gif,
  mov,
  png,
  SAMPLES_AT,
  u8,
  u16,
  u32,
  zeros,
} from '../fixtures/media/containers.ts';
import { withChecksums } from '../fixtures/mutants/checksums.ts';
import { runFfmpeg } from './ffmpeg-run.ts';

/** Makes the bytes of a file; `dir` is a folder for what ffmpeg writes. */
export type Make = (ffmpeg: string, dir: string) => Buffer | Promise<Buffer>;

const MILLION = 1_000_000;

/** So many references to one sample at the same place. */
function onePlace(many: number): number[] {
  return Array.from({ length: many }, () => SAMPLES_AT);
}

/** A film of one picture, shown again and again. */
function repeatedPicture(
  codec: string,
  picture: Buffer,
  size: [number, number],
  frames: number,
  fps: number,
) {
  const [width, height] = size;
  const stts = [frames, 100];
  const track = { codec, kind: 'video' as const, width, height, timescale: 100 * fps, stts };
  return mov(picture, [{ ...track, size: picture.length, count: frames, chunks: onePlace(frames) }]);
}

export const repeatedPng: Make = () => repeatedPicture('png ', png(6_000, 4_000), [6_000, 4_000], 35_900, 60);

/** What an editor exports: a minute of noise in 4K. */
export const slowProres: Make = async (ffmpeg, dir) => {
  const out = join(dir, 'picture.prores');
  const source = ['-f', 'lavfi', '-i', 'color=gray:s=3840x2160,noise=alls=60', '-frames:v', '1'];
  const codec = [
    '-c:v',
    'prores_aw',
    '-profile:v',
    '2',
    '-pix_fmt',
    'yuv422p10le',
    '-f',
    'rawvideo',
    '-y',
    out,
  ];
  await runFfmpeg(ffmpeg, ['-v', 'error', ...source, ...codec]);
  return repeatedPicture('apcn', await readFile(out), [3_840, 2_160], 1_800, 30);
};

/** Three pictures of one pixel, for almost ten minutes. */
export const slowGif: Make = () => gif(3_840, 2_160, 3, 19_900);

/** An index that says so many samples of four bytes, in a file of a kilobyte. Almost none of them are there. */
export function hugeIndex(count: number, seed: number): Buffer {
  const index = { stts: [count, 2], size: 4, count, perChunk: count, chunks: [SAMPLES_AT] };
  const track = { codec: 'sowt', kind: 'audio' as const, timescale: 96_000, ...index };
  return Buffer.concat([mov(zeros(400), [track]), box('free', u32(seed))]);
}

/** A film of as many pictures, which are all there: the index reads the same bytes again and again. */
export function fullIndex(count: number, seed: number): Buffer {
  const perChunk = count / 100;
  const index = { stts: [count, 2], size: 4, count, perChunk, chunks: onePlace(100) };
  const track = { codec: 'png ', kind: 'video' as const, timescale: 96_000, ...index };
  return Buffer.concat([mov(zeros(4 * perChunk), [track]), box('free', u32(seed))]);
}

/** The same in a fragment, which needs no byte for each sample. */
export const hugeFragment: Make = () => {
  const none = { stts: [], size: 0, count: 0, chunks: [] };
  const trex = box('mvex', box('trex', u32(0, 1, 1, 2, 4, 0)));
  const head = mov(zeros(400), [{ codec: 'sowt', kind: 'audio', timescale: 96_000, ...none }], [trex]);
  const traf = box('traf', box('tfhd', u32(0x020000, 1)), box('trun', u32(0, 20 * MILLION)));
  return Buffer.concat([head, box('moof', box('mfhd', u32(0, 1)), traf), box('mdat', zeros(400))]);
};

/** Sound that takes billions of samples to read and convert, from one block of bytes. */
function longSound(channels: number, rate: number): Buffer {
  const perChunk = 4_096;
  const bytes = 2 * channels;
  const chunks = Math.floor((590 * rate) / perChunk);
  const index = { stts: [chunks * perChunk, 1], size: bytes, count: chunks * perChunk, perChunk };
  // A rate that does not fit into the header's field is left out there. ffmpeg then takes that of the clock.
  const sampleRate = rate < 65_536 ? rate : 0;
  const track = { codec: 'sowt', kind: 'audio' as const, timescale: rate, sampleRate, channels };
  return mov(zeros(perChunk * bytes), [{ ...track, ...index, chunks: onePlace(chunks) }]);
}

export const manyChannels: Make = () => longSound(255, 65_535);
export const highRate: Make = () => longSound(8, 768_000);

/** A hundred sounds, of which any could be the one to use. */
export const manyStreams: Make = () => {
  const chunks = onePlace(Math.floor((590 * 48_000) / 4_096));
  const count = chunks.length * 4_096;
  const index = { stts: [count, 1], size: 4, count, perChunk: 4_096, chunks };
  const track = { codec: 'sowt', kind: 'audio' as const, timescale: 48_000, ...index };
  return mov(
    zeros(16_384),
    Array.from({ length: 100 }, () => track),
  );
};

/** A packet of one sample, a million times. */
export const manyPackets: Make = () => {
  const packet = ebml(0xa3, u8(0x81), u16(0), u8(0x80), zeros(4));
  const clusters = Array.from({ length: 1_000 }, (_, at) =>
    ebml(0x1f43b675, ebml(0xe7, u32(at)), Buffer.concat(Array.from({ length: 1_000 }, () => packet))),
  );
  const sound = ebml(0xe1, ebml(0xb5, u32(0x473b8000)), ebml(0x9f, u8(2)), ebml(0x6264, u8(16)));
  const track = [
    ebml(0xd7, u8(1)),
    ebml(0x73c5, u8(1)),
    ebml(0x83, u8(2)),
    ebml(0x86, ascii('A_PCM/INT/LIT')),
  ];
  return matroska(ebml(0x1654ae6b, ebml(0xae, ...track, sound)), ...clusters);
};

/** A chapter for every millisecond. */
export const manyChapters: Make = async (ffmpeg, dir) => {
  const atoms = Array.from({ length: 200_000 }, (_, at) =>
    ebml(
      0xb6,
      ebml(0x73c4, u32(at + 1)),
      ebml(0x91, u32(at)),
      ebml(0x80, ebml(0x85, ascii(`chapter\n ${at}`))),
    ),
  );
  const file = join(dir, 'chapters.mkv');
  await runFfmpeg(ffmpeg, ['-v', 'error', '-f', 'lavfi', '-i', 'sine=d=3', '-c:a', 'pcm_s16le', '-y', file]);
  const whole = await readFile(file);
  // Before the film, where they are read even without an index.
  const cluster = whole.indexOf(u32(0x1f43b675));
  const chapters = ebml(0x1043a770, ebml(0x45b9, Buffer.concat(atoms)));
  whole.writeBigUInt64BE(0x01ff_ffff_ffff_ffffn, whole.indexOf(u32(0x18538067)) + 4);
  return Buffer.concat([whole.subarray(0, cluster), chapters, whole.subarray(cluster)]);
};

function matroska(...parts: Buffer[]): Buffer {
  const head = ebml(0x1a45dfa3, ebml(0x4282, ascii('matroska')), ebml(0x4287, u8(2)), ebml(0x4285, u8(2)));
  return Buffer.concat([head, ebml(0x18538067, ebml(0x1549a966, ebml(0x2ad7b1, u32(MILLION))), ...parts)]);
}

/** A size of ID3, seven bits per byte. */
function syncsafe(size: number): Buffer {
  return u8(...[21, 14, 7, 0].map((shift) => (size >> shift) & 127));
}

function id3(texts: readonly (readonly [key: string, value: string])[], song: Buffer): Buffer {
  const frames = texts.map(([key, value]) => {
    const body = Buffer.concat([u8(3), ascii(key), u8(0), ascii(value), u8(0)]);
    return Buffer.concat([ascii('TXXX'), syncsafe(body.length), u16(0), body]);
  });
  const tag = Buffer.concat(frames);
  return Buffer.concat([ascii('ID3'), u8(4, 0, 0), syncsafe(tag.length), tag, song]);
}

async function song(ffmpeg: string, dir: string): Promise<Buffer> {
  const file = join(dir, 'song.mp3');
  const plain = ['-id3v2_version', '0', '-write_xing', '0', '-y', file];
  await runFfmpeg(ffmpeg, ['-v', 'error', '-f', 'lavfi', '-i', 'sine=d=1', ...plain]);
  return readFile(file);
}

/** A key with a line break imitates a stream, and its value makes a careless pattern try every way to split it. */
export const forgedStream: Make = async (ffmpeg, dir) => {
  const value = `Video: ${Array.from({ length: 401 }, () => 'a'.repeat(250)).join('\v')}`;
  return id3([['x\n  Stream #0:0', value]], await song(ffmpeg, dir));
};

/** 50 MB of lines, which ffmpeg prints. */
export const hugeMetadata: Make = async (ffmpeg, dir) => {
  const value = 'Stream #0:0: Video: '.repeat(10);
  const texts = Array.from({ length: 200_000 }, (_, at) => [`key\n  ${at}`, value] as const);
  return id3(texts, await song(ffmpeg, dir));
};

/** A picture of 15 MB with 24 million pixels as the cover. */
export const hugeCover: Make = async (ffmpeg, dir) => {
  const file = join(dir, 'cover.flac');
  await runFfmpeg(ffmpeg, ['-v', 'error', '-f', 'lavfi', '-i', 'sine=d=3', '-y', file]);
  const whole = await readFile(file);
  const picture = Buffer.concat([png(6_000, 4_000), zeros(15 * MILLION)]);
  const fields = [u32(3, 9), ascii('image/png'), u32(0, 6_000, 4_000, 24, 0, picture.length)];
  const body = Buffer.concat([...fields, picture]);
  const block = Buffer.concat([u8(6), u32(body.length).subarray(1), body]);
  // After the first block, which every file has.
  return Buffer.concat([whole.subarray(0, 42), block, whole.subarray(42)]);
};

/** The first page of three thousand streams. */
export const manyOggStreams: Make = () => {
  const opus = Buffer.concat([ascii('OpusHead'), u8(1, 2, 0, 0, 0x80, 0xbb, 0, 0, 0, 0, 0)]);
  const pages = Array.from({ length: 3_000 }, (_, serial) =>
    Buffer.concat([ascii('OggS'), u8(0, 2), zeros(8), u32(serial + 1), zeros(8), u8(1, opus.length), opus]),
  );
  return withChecksums(Buffer.concat(pages));
};
