/** Films of hours and of many gigabytes, and disks that are too small for them. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, open, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { children, one } from '../../../functions/media/mp4/boxes.ts';
import { layoutOf, type Movie } from '../../../functions/media/mp4/movie.ts';
import { headOf } from '../../../functions/media/mp4/movie-index.ts';
import { readPicture, readSound } from '../../../functions/media/mp4/tracks.ts';
import { writeMovie } from '../../../functions/media/mp4/write-movie.ts';
import { needsCage } from '../../fixtures/media/cage.ts';
import { longMovie } from '../../fixtures/media/long-movie.ts';
import { useMedia } from '../../fixtures/media/media.ts';
import { MP4_SUITES, makeParts, readParts } from '../../fixtures/media/movie-parts.ts';
import { EXHAUSTIVE, unlessTurn } from '../../fixtures/system/sample.ts';

const run = promisify(execFile);
const { signal } = new AbortController();
/** Three hours at 60 frames per second have an index of 5 MB, which is held about four times at most. */
const HOURS = 3;
const MOST_MB = 90;
const ROOT = join(import.meta.dirname, '../../..');
const MODULES = [
  'functions/media/mp4/tracks.ts',
  'functions/media/mp4/write-movie.ts',
  'test/fixtures/media/long-movie.ts',
];

describe('a large video', { skip: unlessTurn(MP4_SUITES, 'large movies') }, () => {
  const { at } = useMedia();
  let parts: { clips: string[]; sound: string };
  let like: Movie;

  before(async () => {
    parts = await makeParts(at(''), { clips: [30] });
    like = await readParts(parts);
  });

  function headOfLong(movie: Movie) {
    const layout = layoutOf(movie);
    const head = headOf(movie, layout);
    const start = head.length;
    const at = head.readUInt32BE(0);
    const moov = head.subarray(at + 8, at + head.readUInt32BE(at));
    const tables = children(moov)
      .filter(({ type }) => type === 'trak')
      .map(({ body }) => one(one(one(body, 'mdia'), 'minf'), 'stbl'));
    return { head, start, moov, tables };
  }

  test('has places of eight bytes and a long media box only where four do not suffice', () => {
    // Half a second of frames before each half a second of sound; the last chunk begins a little below the end.
    for (const [frameBytes, long] of [
      [20_000_000, false],
      [160_000_000, true],
    ] as const) {
      const { head, start, moov, tables } = headOfLong(
        longMovie(like, { frames: 30, frameBytes, packetBytes: 400 }),
      );
      const types = tables.flatMap((table) => children(table).map(({ type }) => type));
      assert.equal(types.filter((type) => type === (long ? 'co64' : 'stco')).length, 2);
      assert.equal(types.includes(long ? 'stco' : 'co64'), false);
      const media = 30 * frameBytes + Math.ceil(48_000 / 1024) * 400;
      if (long) {
        assert.equal(head.readUInt32BE(start - 16), 1);
        assert.equal(Number(head.readBigUInt64BE(start - 8)), media + 16);
        const co64 = one(tables[0] as Buffer, 'co64');
        const chunks = [0, 1].map((chunk) => Number(co64.readBigUInt64BE(8 + 8 * chunk)));
        // 23 packets belong to the first half.
        assert.deepEqual(chunks, [start, start + 15 * frameBytes + 23 * 400]);
      } else {
        assert.equal(head.readUInt32BE(start - 8), media + 8);
        assert.equal(one(tables[0] as Buffer, 'stco').readUInt32BE(8), start);
      }
      assert.equal(head.toString('latin1', start - (long ? 12 : 4), start - (long ? 8 : 0)), 'mdat');
      assert.equal(one(moov, 'mvhd')[0], 0);
    }
  });

  test('has times of eight bytes if it lasts longer than four can count', () => {
    const rate = { num: 25, den: 2 };
    const frames = 2_200_000;
    const { moov } = headOfLong(
      longMovie({ ...like, rate, editLists: true }, { frames, frameBytes: 1, packetBytes: 1 }),
    );
    const mvhd = one(moov, 'mvhd');
    const [picture] = children(moov).filter(({ type }) => type === 'trak');
    const tkhd = one(picture?.body as Buffer, 'tkhd');
    const elst = one(one(picture?.body as Buffer, 'edts'), 'elst');
    const mdhd = one(one(picture?.body as Buffer, 'mdia'), 'mdhd');
    assert.deepEqual([mvhd[0], tkhd[0], elst[0], mdhd[0]], [1, 1, 1, 1]);
    const ticks = frames * 2_000;
    assert.equal(mdhd.readUInt32BE(20), 25_000);
    assert.deepEqual(
      [mvhd.readBigUInt64BE(24), tkhd.readBigUInt64BE(28), elst.readBigUInt64BE(8), mdhd.readBigUInt64BE(24)],
      [ticks, ticks, ticks, ticks].map(BigInt),
    );
    assert.equal(tkhd.length, 96);
    assert.equal(mvhd.length, 112);
  });

  test('takes no object per frame: three hours need some dozen megabytes', {
    skip: process.platform === 'linux' ? false : 'reads /proc',
  }, async () => {
    const script = `
      import { readFileSync } from 'node:fs';
      import { truncate, writeFile } from 'node:fs/promises';
      const [{ readPicture, readSound }, { writeMovie }, { longMovie }] = await Promise.all(
        ${JSON.stringify(MODULES.map((name) => join(ROOT, name)))}.map((name) => import(name)),
      );
      const peak = () => Number(/VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024;
      const rate = { num: 60, den: 1 };
      const { signal } = new AbortController();
      const like = { clips: [await readPicture(${JSON.stringify(parts.clips[0])})],
        sound: await readSound(${JSON.stringify(parts.sound)}), rate, editLists: false };
      const before = peak();
      const file = ${JSON.stringify(at('long.bin'))};
      await writeFile(file, '');
      const movie = longMovie(like, { frames: ${HOURS * 3600 * 60}, frameBytes: 4, packetBytes: 4, file });
      await truncate(file, 4 * (movie.clips[0].sizes.length + movie.sound.sizes.length));
      const out = ${JSON.stringify(at('long.mp4'))};
      const { bytes } = await writeMovie(movie, out, { signal });
      const again = { ...like, clips: [await readPicture(out)], sound: await readSound(out) };
      const copied = await writeMovie(again, out + '2', { signal });
      console.log(JSON.stringify({ grown: peak() - before, same: bytes === copied.bytes }));`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script]);
    const { grown, same } = JSON.parse(stdout) as { grown: number; same: boolean };
    assert.equal(same, true);
    assert.ok(grown < MOST_MB, `grew by ${Math.round(grown)} MB`);
  });

  test('of 4.8 GB is written and read back', {
    skip: EXHAUSTIVE ? false : 'writes 4.8 GB; npm run test:exhaustive has it',
  }, async () => {
    const file = at('large.bin');
    await writeFile(file, '');
    // A hole of zeros: each frame begins with NAL units of no length.
    const movie = longMovie(like, { frames: 30, frameBytes: 160_000_000, packetBytes: 400, file });
    const size = 30 * 160_000_000 + movie.sound.sizes.length * 400;
    await truncate(file, size);
    await using source = await open(file, 'r+');
    await source.write(Buffer.from('the last packet'), 0, 15, size - 400);
    const out = at('large.mp4');
    const facts = await writeMovie(movie, out, { signal });
    assert.equal((await stat(out)).size, facts.bytes);
    const [picture, sound] = [await readPicture(out), await readSound(out)];
    assert.deepEqual(picture.sizes, movie.clips[0]?.sizes);
    const last = sound.offsets.at(-1) as number;
    assert.ok(last > 30 * 160_000_000);
    await using result = await open(out);
    const { buffer } = await result.read(Buffer.alloc(15), 0, 15, last);
    assert.equal(buffer.toString(), 'the last packet');
  });

  test('that the disk has no room for is gone, and the error says so', needsCage, async () => {
    const full = at('full');
    await mkdir(full);
    const script = `
      import { existsSync } from 'node:fs';
      const [{ readPicture, readSound }, { writeMovie }] = await Promise.all(
        ${JSON.stringify(MODULES.slice(0, 2).map((name) => join(ROOT, name)))}.map((name) => import(name)),
      );
      const out = ${JSON.stringify(join(full, 'out.mp4'))};
      const movie = { clips: [await readPicture(${JSON.stringify(parts.clips[0])})],
        sound: await readSound(${JSON.stringify(parts.sound)}), rate: { num: 30, den: 1 }, editLists: false };
      const error = await writeMovie(movie, out, new AbortController()).catch((error) => error);
      console.log(JSON.stringify({ name: error.name, code: error.code, left: existsSync(out) }));`;
    const { stdout } = await run('bwrap', [
      ...['--dev-bind', '/', '/', '--size', '8192', '--tmpfs', full],
      ...[process.execPath, '--input-type=module', '-e', script],
    ]);
    assert.deepEqual(JSON.parse(stdout), { name: 'TransientError', code: 'disk_full', left: false });
  });
});
