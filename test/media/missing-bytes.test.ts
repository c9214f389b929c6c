/** Sizes that files state of their own parts prove that an upload broke off. Other numbers in their headers prove nothing. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { missingBytes } from '../../functions/media/missing-bytes.ts';
import {
  ascii,
  avi,
  ebml,
  gif,
  mkv,
  riff,
  u8,
  u16,
  u32,
  u64,
  wav,
  zeros,
} from '../fixtures/media/containers.ts';
import { pngChunk, riffChunk } from '../fixtures/media/exif.ts';
import { ffmpeg as run } from '../fixtures/media/finished.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';

const SIZE = 2_000;
const le32 = (value: number) => u32(value).reverse();
const le64 = (value: number) => u64(value).reverse();
const patched = (bytes: Buffer, at: number, value: Buffer) =>
  Buffer.concat([bytes.subarray(0, at), value, bytes.subarray(at + value.length)]);

const FILM = mkv(
  { codec: 'V_VP8', width: 64, height: 64 },
  [0, 40].map((at) => ({ at, bytes: zeros(SIZE) })),
);
const SEGMENT = ascii('\x18\x53\x80\x67');
const CLUSTER = ascii('\x1f\x43\xb6\x75');
const UNKNOWN = u8(1, ...Array.from({ length: 7 }, () => 0xff));

/** The same as a live recording: nothing that goes on has a size. */
const LIVE = [SEGMENT, CLUSTER].reduce((bytes, id) => {
  let live = bytes;
  for (let at = bytes.indexOf(id); at >= 0; at = bytes.indexOf(id, at + 4))
    live = patched(live, at + 4, UNKNOWN);
  return live;
}, FILM);

const PICTURES = avi({ codec: 'MJPG', width: 64, height: 64 }, [zeros(SIZE), zeros(SIZE)]);
const MOVI = PICTURES.indexOf('movi') - 4;
const OPEN_AVI = patched(patched(PICTURES, 4, le32(0xffffffff)), MOVI, le32(0xffffffff));
const FURTHER = riff('RIFF', ascii('AVIX'), riff('LIST', ascii('movi'), riff('00dc', zeros(SIZE))));
const LONG_AVI = Buffer.concat([PICTURES, FURTHER]);
const SOUND = wav(zeros(SIZE));
const AIFF = Buffer.concat([
  ...[ascii('FORM'), u32(SIZE + 12), ascii('AIFC'), ascii('SSND'), u32(SIZE), zeros(SIZE)],
]);
const LONG_WAV = Buffer.concat([
  ...[ascii('RF64'), u32(0xffffffff), ascii('WAVE'), ascii('ds64'), le32(16), le64(SIZE + 36), le64(SIZE)],
  ...[ascii('data'), u32(0xffffffff), zeros(SIZE)],
]);

const W64_TYPES = 'f3acd3118cd100c04f8edb8a';
const W64 = Buffer.concat([
  ...[Buffer.from('726966662e91cf11a5d628db04c10000', 'hex'), le64(64 + SIZE)],
  ...[ascii('wave'), Buffer.from(W64_TYPES, 'hex')],
  ...[ascii('data'), Buffer.from(W64_TYPES, 'hex'), le64(24 + SIZE), zeros(SIZE)],
]);
const CAF = Buffer.concat([
  ...[ascii('caff'), u16(1, 0), ascii('desc'), u64(32), zeros(32)],
  ...[ascii('data'), u64(SIZE), zeros(SIZE)],
]);
const APNG = Buffer.concat([
  ...[Buffer.from('89504e470d0a1a0a', 'hex'), pngChunk('IHDR', zeros(13)), pngChunk('acTL', zeros(8))],
  ...[pngChunk('IDAT', zeros(SIZE)), pngChunk('fdAT', zeros(SIZE)), pngChunk('IEND', zeros(0))],
]);
const WEBP = riff('RIFF', ascii('WEBP'), riff('VP8 ', zeros(SIZE)));
/** Of an animation and of a photo, with metadata behind the picture. */
const NOTED_APNG = Buffer.concat([APNG.subarray(0, -12), pngChunk('tEXt', zeros(100))]);
const NOTED_WEBP = riff('RIFF', ascii('WEBP'), riff('VP8 ', zeros(SIZE)), riff('EXIF', zeros(100)));
/** As long as the header of a segment says, and with an index behind the pictures. */
const SEGMENT_SIZE = FILM.indexOf(SEGMENT) + 4;
const LONG_SEGMENT = patched(FILM, SEGMENT_SIZE, patched(u64(90_000), 0, u8(1)));
const INDEXED = Buffer.concat([LONG_SEGMENT, ebml(0x1c53bb6b, zeros(200))]);
const page = (...sizes: number[]) =>
  Buffer.concat([ascii('OggS'), zeros(22), u8(sizes.length, ...sizes), ...sizes.map(zeros)]);
const OGG = Buffer.concat([page(30), page(255, 255, 255, 255, 255, 255, 100)]);

/** Three thousand parts without anything in them. */
const EMPTY_LISTS = Buffer.concat(Array.from({ length: 3_000 }, () => riff('RIFF', zeros(1))));

const tag = (type: number) => Buffer.concat([u8(type, 0), u16(SIZE), zeros(7 + SIZE), u32(SIZE + 11)]);
const FLV = Buffer.concat([ascii('FLV'), u8(1, 5), u32(9, 0), tag(18), tag(9), tag(8)]);

const guid = (hex: string) => Buffer.from(hex, 'hex');
const DATA = Buffer.concat([guid('3626b2758e66cf11a6d900aa0062ce6c'), le64(24 + SIZE), zeros(SIZE)]);
function asf({ fileSize = 30 + 104 + DATA.length, flags = 2 } = {}): Buffer {
  const properties = [
    guid('a1dcab8c47a9cf118ee400c00c205365'),
    le64(104),
    zeros(16),
    le64(fileSize),
    zeros(40),
  ];
  const header = Buffer.concat([le32(1), zeros(2), ...properties, le32(flags), zeros(12)]);
  return Buffer.concat([guid('3026b2758e66cf11a6d900aa0062ce6c'), le64(24 + header.length), header, DATA]);
}

/** Layer III of 128 kbit/s at 48 kHz: 384 bytes. */
const FRAME = Buffer.concat([u8(0xff, 0xfb, 0x94, 0), zeros(380)]);
const MP3 = Buffer.concat([ascii('ID3'), u8(4, 0, 0, 0, 0, 0, 10), zeros(10), FRAME, FRAME, FRAME]);

describe('the bytes that a file lacks', () => {
  let dir: TempDir;
  before(async () => {
    dir = await tempDir();
  });
  after(() => dir[Symbol.asyncDispose]());

  async function missingIn(bytes: Buffer) {
    const file = `${dir.path}/bytes`;
    await writeFile(file, bytes);
    return missingBytes(file);
  }

  for (const [what, whole, isDoubtful] of [
    ['a Matroska film', FILM, false],
    ['a live Matroska recording', LIVE, false],
    ['an AVI', PICTURES, false],
    ['an AVI of several lists', LONG_AVI, false],
    ['an AVI that was never closed', OPEN_AVI, false],
    ['a WAV', SOUND, false],
    ['a long WAV', LONG_WAV, false],
    ['an AIFF', AIFF, false],
    ['a W64', W64, false],
    ['a CAF', CAF, false],
    ['an APNG', APNG, false],
    ['a WebP', WEBP, false],
    ['a WMV', asf(), false],
    ['a GIF', gif(64, 64, 3, 10), false],
    ['an Ogg', OGG, false],
    ['an FLV', FLV, true],
    ['an MP3', MP3, true],
  ] as const) {
    test(`are counted in ${what}`, async () => {
      assert.equal((await missingIn(whole)).bytes, 0);
      const lacking = what === 'a GIF' ? 3 : what === 'an FLV' ? 1_204 : what === 'an MP3' ? 100 : 1_200;
      const found = await missingIn(whole.subarray(0, -lacking));
      // The last bytes of an FLV repeat a size, those of a GIF and a PNG are marks.
      const behind = { 'an FLV': 4, 'a GIF': 1, 'an APNG': 16 };
      const least = lacking - (behind[what as keyof typeof behind] ?? 0);
      assert.deepEqual(found, { bytes: least, isDoubtful });
    });
  }

  for (const [what, bytes] of [
    ['whose end is followed by something else', Buffer.concat([FILM, ascii('HTTP/1.1 200 OK, and more')])],
    ['whose end is followed by zeros', Buffer.concat([FILM, zeros(50)])],
    ['that is a WAV of unknown length', wav(zeros(SIZE), { claims: 0xffffffff })],
    ['that is a WAV of a made-up length', wav(zeros(SIZE), { claims: 0x7ffff000 })],
    ['that is a WAV of length 0', wav(zeros(SIZE), { claims: 0 })],
    ['that is a WAV whose sound alone claims more', patched(SOUND, 40, le32(90_000))],
    ['that is a WAV whose header alone claims more', patched(SOUND, 4, le32(90_000))],
    ['that is an AVI whose header alone claims more', patched(PICTURES, 4, le32(90_000))],
    ['that is an AVI whose list alone claims more', patched(PICTURES, MOVI, le32(90_000))],
    ['that is an AVI of empty lists', Buffer.concat([PICTURES, EMPTY_LISTS])],
    ['that is an AIFF whose header alone claims more', patched(AIFF, 4, u32(90_000))],
    ['that is an AIFF whose sound alone claims more', patched(AIFF, 16, u32(90_000))],
    ['that is a long WAV whose header alone claims more', patched(LONG_WAV, 20, le64(90_000))],
    ['that is a long WAV whose sound alone claims more', patched(LONG_WAV, 28, le64(90_000))],
    ['that is a W64 whose header alone claims more', patched(W64, 16, le64(90_000))],
    ['that is a CAF of unknown length', patched(CAF, CAF.length - SIZE - 8, u64(-1))],
    ['that is an APNG without its last mark', APNG.subarray(0, -12)],
    ['that is an APNG followed by something else', Buffer.concat([APNG, ascii('HTTP/1.1 200 OK')])],
    ['that is an APNG cut within its metadata', NOTED_APNG.subarray(0, -50)],
    ['that is a WebP cut within its metadata', NOTED_WEBP.subarray(0, -50)],
    ['that is a WebP whose header alone claims more', patched(WEBP, 4, le32(90_000))],
    ['that is an AVI miscounted by its header', patched(PICTURES, 4, le32(PICTURES.length))],
    ['that is a WMV whose header alone claims more', asf({ fileSize: 10 ** 7 })],
    ['that is a live WMV', asf({ flags: 3 }).subarray(0, -500)],
    ['that is a GIF without its last mark', gif(64, 64, 3, 10).subarray(0, -1)],
    ['that is a GIF without its last two marks', gif(64, 64, 3, 10).subarray(0, -2)],
    ['that is a Matroska film whose segment alone claims more', LONG_SEGMENT],
    ['that is a Matroska film cut within its index', INDEXED.subarray(0, -50)],
    ['that is an Ogg followed by something else', Buffer.concat([OGG, ascii('TAG')])],
    ['that is an MP3 with a tag at its end', Buffer.concat([MP3, ascii('TAG'), zeros(125)])],
    ['that is an FLV of another kind', patched(FLV, 13, u8(99))],
    ['that is a Matroska film without a segment', ebml(0x1a45dfa3)],
    ['of nothing', zeros(0)],
    ['of text', ascii('hello')],
  ] as const) {
    test(`are none in a file ${what}`, async () => assert.equal((await missingIn(bytes)).bytes, 0));
  }

  test('are found where even the size of the last part is cut off', async () => {
    const last = LIVE.lastIndexOf(CLUSTER);
    assert.ok((await missingIn(LIVE.subarray(0, last + 6))).bytes > 0);
  });

  test('are found in an animation that is cut between two of its pictures', async () => {
    const picture = [pngChunk('fcTL', zeros(26)), pngChunk('fdAT', zeros(50))];
    const parts = [
      ...[Buffer.from('89504e470d0a1a0a', 'hex'), pngChunk('IHDR', zeros(13)), pngChunk('acTL', u32(3, 0))],
      ...[pngChunk('fcTL', zeros(26)), pngChunk('IDAT', zeros(50)), ...picture, ...picture],
    ];
    assert.equal((await missingIn(Buffer.concat(parts))).bytes, 0);
    for (const left of [1, 2, 3]) {
      const cut = Buffer.concat(parts.slice(0, -left));
      for (const more of [0, 5])
        assert.ok((await missingIn(Buffer.concat([cut, zeros(more)]))).bytes > 0, `${left}, ${more}`);
    }
  });

  test('are found in a WebP that is cut within the head of a chunk', async () => {
    const chunks = [riffChunk('VP8X', zeros(10)), riffChunk('ANIM', zeros(6)), riffChunk('ANMF', zeros(50))];
    const animation = riffChunk('RIFF', Buffer.concat([ascii('WEBP'), ...chunks]));
    assert.equal((await missingIn(animation)).bytes, 0);
    for (let length = 12; length < animation.length; length++)
      assert.ok((await missingIn(animation.subarray(0, length))).bytes > 0, `${length}`);
  });

  test('are not looked for behind a hundred thousand chunks', async () => {
    const parts = [
      Buffer.from('89504e470d0a1a0a', 'hex'),
      pngChunk('IHDR', zeros(13)),
      pngChunk('acTL', u32(3, 0)),
    ];
    const empty = pngChunk('tEXt', zeros(0));
    const many = (count: number) => Buffer.alloc(count * empty.length, empty);
    const found = async (count: number) =>
      (await missingIn(Buffer.concat([...parts, pngChunk('IDAT', zeros(9)), many(count)]))).bytes;
    assert.deepEqual([await found(10), await found(100_000)], [1, 0]);
  });

  test('are counted without an error wherever a file ends', async () => {
    for (const bytes of [W64, CAF, APNG, WEBP, LONG_WAV, AIFF, PICTURES, OGG, FILM])
      for (let length = 1; length < 130; length += 4) await missingIn(bytes.subarray(0, length));
  });

  test('are found in a Matroska film without any picture', async () => {
    assert.ok((await missingIn(FILM.subarray(0, FILM.indexOf(CLUSTER)))).bytes > SIZE);
  });

  test('of FLAC are doubtful: the last frame is broken', async () => {
    const file = `${dir.path}/a.flac`;
    await run('-f', 'lavfi', '-i', 'anoisesrc=d=1:r=8000:seed=1', '-c:a', 'flac', file);
    const flac = await readFile(file);
    const none = { bytes: 0, isDoubtful: false };
    assert.deepEqual(await missingIn(flac), none);
    assert.deepEqual(
      await missingIn(Buffer.concat([ascii('ID3'), u8(4, 0, 0, 0, 0, 0, 9), zeros(9), flac])),
      none,
    );
    const broken = { bytes: 1, isDoubtful: true };
    for (const lacking of [1, 50, 3_000])
      assert.deepEqual(await missingIn(flac.subarray(0, -lacking)), broken);
  });
});
