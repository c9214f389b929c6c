/** Clips whose header, other tracks or timestamps say another length than their picture has. None of them is truncated. */
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { PermanentError } from '../../functions/base/errors.ts';
import { conformClip } from '../../functions/media/conform.ts';
import { probe } from '../../functions/media/probe.ts';
import { cached } from '../fixtures/media/cached.ts';
import { u32 } from '../fixtures/media/containers.ts';
import { type CountedFilm, FILM, makeCounted } from '../fixtures/media/counted-film.ts';
import { ffmpeg as run } from '../fixtures/media/finished.ts';
import { useMedia } from '../fixtures/media/media.ts';
import { plainProfile } from '../fixtures/media/plain-choices.ts';
import { placeOf, readFilm } from '../fixtures/media/read-film.ts';

const { signal } = new AbortController();
const PROFILE = plainProfile(256, 144);
const SHORT: CountedFilm = { ...FILM, frames: 30 };
const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '12', '-g', '15'];
const AAC = ['-c:a', 'aac'];
const FRAGMENTS = ['-movflags', '+frag_keyframe+empty_moov+default_base_moof'];
const LATER = 5_000;

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => from + at);
const times = (count: number, number: number) => Array.from({ length: count }, () => number);

describe('a complete clip', () => {
  const { ffmpeg, at } = useMedia();
  let count = 0;

  async function film(name: string, output: readonly string[], change: Partial<CountedFilm> = {}) {
    const file = at(`${++count}-${name}`);
    const counted = { ...SHORT, ...change };
    await cached(file, { counted, output }, (made) => makeCounted(made, counted, output));
    return file;
  }

  const probed = (file: string) => probe(ffmpeg, file, { signal });

  /** Numbers of the frames that come out. */
  async function shown(file: string): Promise<number[]> {
    const dir = at(`made-${++count}`);
    await mkdir(dir);
    const input = { file, probe: await probed(file), profile: PROFILE, dir, threads: 2, maxSeconds: 60 };
    const { frames } = await conformClip(ffmpeg, { ...input, timeoutMs: 60_000, signal });
    const read = (await readFilm(`${dir}/video.mp4`, placeOf(256 / 144, PROFILE))).map(({ frame }) => frame);
    assert.equal(read.length, frames);
    return read;
  }

  async function changed(name: string, from: string, change: (bytes: Buffer) => Buffer): Promise<string> {
    const file = at(`${++count}-${name}`);
    await writeFile(file, change(await readFile(from)));
    return file;
  }

  test('has subtitles that go on', async () => {
    const clip = await film('a.mkv', [...H264, ...AAC]);
    await writeFile(at('long.srt'), '1\n00:00:09,000 --> 00:00:10,000\nb\n');
    await run('-i', clip, '-i', at('long.srt'), '-map', '0', '-map', '1', '-c', 'copy', at('subtitles.mkv'));
    const { seconds, video } = await probed(at('subtitles.mkv'));
    assert.deepEqual([Math.round(seconds ?? 0), video?.packets], [10, 30]);
  });

  for (const [what, maps] of [
    ['second', ['-map', '0:a', '-map', '1:a']],
    ['first, which is not the default,', ['-map', '1:a', '-map', '0:a']],
  ] as const) {
    test(`has another sound that goes on: the ${what}`, async () => {
      const clip = await film('a.mp4', [...H264, ...AAC]);
      const marks = what === 'second' ? ['default', '0'] : ['0', 'default'];
      const disposition = marks.flatMap((mark, nth) => [`-disposition:a:${nth}`, mark]);
      const file = at(`${++count}.mp4`);
      const more = ['-f', 'lavfi', '-i', 'sine=d=8', '-map', '0:v', ...maps, '-c:v', 'copy'];
      await run('-i', clip, ...more, ...disposition, file);
      const { video, audio } = await probed(file);
      assert.deepEqual([video?.packets, audio?.stream], [30, what === 'second' ? 1 : 2]);
    });
  }

  test('has chapters that go on', async () => {
    const clip = await film('a.mp4', [...H264, ...AAC]);
    const chapter = (from: number, to: number) =>
      `[CHAPTER]\nTIMEBASE=1/1\nSTART=${from}\nEND=${to}\ntitle=a\n`;
    await writeFile(at('chapters.txt'), `;FFMETADATA1\n${chapter(0, 5)}${chapter(5, 20)}`);
    const file = at('chapters.mov');
    await run('-i', clip, '-i', at('chapters.txt'), '-map_chapters', '1', '-c', 'copy', file);
    assert.equal((await probed(file)).video?.packets, 30);
  });

  test('consists of fragments from the middle of a recording', async () => {
    const whole = await film('a.mp4', [...H264, ...FRAGMENTS, '-an'], { frames: 45 });
    const file = await changed('later.mp4', whole, (bytes) => {
      const from = bytes.indexOf('moof') - 4;
      const last = bytes.lastIndexOf('moof') - 4;
      return Buffer.concat([bytes.subarray(0, from), bytes.subarray(last)]);
    });
    assert.deepEqual(await shown(file), numbers(30, 45));
  });

  test('ends between two fragments, as far as its index says', async () => {
    const endOfFirst = (bytes: Buffer) => bytes.subarray(0, bytes.lastIndexOf('moof') - 4);
    const plain = await film('a.mp4', [...H264, ...FRAGMENTS, ...AAC]);
    assert.equal((await probed(await changed('first.mp4', plain, endOfFirst))).video?.packets, 15);
    const listed = await film('b.mp4', [...H264, ...AAC, '-movflags', `${FRAGMENTS[1]}+global_sidx`]);
    const cut = await changed('cut.mp4', listed, endOfFirst);
    await assert.rejects(probed(cut), { code: 'media_truncated' });
  });

  test('has a header that claims more: WebM, MP4, AVI, FLV', async () => {
    const webm = await film('a.webm', ['-c:v', 'libvpx', '-deadline', 'realtime', '-c:a', 'libopus']);
    const mp4 = await film('a.mp4', [...H264, ...AAC]);
    const avi = await film('a.avi', ['-c:v', 'mjpeg', '-an']);
    const flv = await film('a.flv', [...H264, ...AAC]);
    const double = Buffer.alloc(8);
    for (const [from, mark, skip, value] of [
      [webm, Buffer.from('448988', 'hex'), 3, () => double.writeDoubleBE(50_000)],
      [mp4, 'mvhd', 20, () => u32(50_000).copy(double)],
      [avi, 'avih', 24, () => double.writeUInt32LE(300)],
      [flv, 'duration', 9, () => double.writeDoubleBE(50)],
    ] as const) {
      value();
      const length = mark === 'mvhd' || mark === 'avih' ? 4 : 8;
      const file = await changed('lies', from, (bytes) => {
        double.copy(bytes, bytes.indexOf(mark) + skip, 0, length);
        return bytes;
      });
      assert.equal((await probed(file)).video?.packets, 30, `${mark}`);
    }
  });

  test('is an AVI that repeats frames by others without bytes, in its middle and at its end', async () => {
    const empty = new Set([...numbers(10, 15), ...numbers(20, 30)]);
    const expected = [...numbers(0, 10), ...times(5, 9), ...numbers(15, 20), ...times(10, 19)];
    for (const output of [
      ['-c:v', 'mjpeg', '-q:v', '2', '-c:a', 'pcm_s16le'],
      ['-c:v', 'rawvideo', '-an'],
    ]) {
      const file = await changed('empty.avi', await film('a.avi', output), (bytes) => emptied(bytes, empty));
      assert.deepEqual(await shown(file), expected);
      const { video } = await probed(file);
      assert.deepEqual(
        [video?.packets, video?.held.toFixed(3), video?.seconds.toFixed(3)],
        [15, '0.333', '1.000'],
      );
    }
  });

  test('is cut by an edit list within a group of pictures: what is not shown counts as work, not as frames', async () => {
    const whole = await film('a.mp4', [...H264, '-g', '36', '-an']);
    await run('-ss', '0.53', '-i', whole, '-c', 'copy', at('edit.mp4'));
    const { video } = await probed(at('edit.mp4'));
    assert.deepEqual([video?.packets, video?.decoded], [14, 30]);
    assert.deepEqual(await shown(at('edit.mp4')), numbers(16, 30));
  });

  for (const [name, output] of [
    ['leap.ts', [...H264, ...AAC]],
    ['leap.flv', [...H264, '-bf', '0', ...AAC]],
    ['leap.webm', ['-c:v', 'libvpx', '-b:v', '4M', '-deadline', 'realtime', '-c:a', 'libopus']],
  ] as const) {
    test(`has timestamps that leap by hours: ${name}`, async () => {
      const picture = `setts=ts='TS+if(gte(N,15),${LATER}/TB,0)'`;
      const sound = `setts=ts='TS+if(gte(TS*TB,0.5),${LATER}/TB,0)'`;
      const file = at(name);
      const from = await film(name, output);
      await run(
        '-i',
        from,
        '-c',
        'copy',
        '-bsf:v',
        picture,
        '-bsf:a',
        sound,
        '-max_interleave_delta',
        '0',
        file,
      );
      assert.deepEqual(await shown(file), numbers(0, 30));
    });
  }

  for (const [name, skip, output] of [
    ['joined.webm', 0, ['-c:v', 'libvpx', '-b:v', '4M', '-deadline', 'realtime', '-c:a', 'libopus']],
    ['joined.flv', 13, [...H264, '-bf', '0', ...AAC]],
  ] as const) {
    test(`was joined from two, whose times begin anew: ${name}`, async () => {
      const bytes = await readFile(await film(name, output));
      await writeFile(at(name), Buffer.concat([bytes, bytes.subarray(skip)]));
      assert.deepEqual(await shown(at(name)), [...numbers(0, 30), ...numbers(0, 30)]);
    });
  }

  test('of MP4 is refused as soon as one byte of picture or sound is missing', async () => {
    const clip = await readFile(await film('a.mp4', [...H264, ...AAC, '-movflags', '+faststart']));
    await writeFile(at('cut.mp4'), clip.subarray(0, -1));
    const error = await probed(at('cut.mp4')).catch((reason: unknown) => reason);
    assert.ok(PermanentError.is(error));
    assert.match(
      error.message,
      /Expected a complete file, got one that lacks 1 bytes or more\. Upload it again/,
    );
    await writeFile(at('more.mp4'), Buffer.concat([clip, Buffer.from('and a text')]));
    assert.equal((await probed(at('more.mp4'))).video?.packets, 30);
  });
});

/** The same AVI, in which these frames have no bytes. Without its index. */
function emptied(avi: Buffer, empty: ReadonlySet<number>): Buffer {
  const movi = avi.indexOf('movi');
  const end = movi + avi.readUInt32LE(movi - 4);
  const chunks: Buffer[] = [];
  let frame = 0;
  for (let at = movi + 4; at < end; ) {
    const size = avi.readUInt32LE(at + 4);
    const isEmpty = /00d[bc]/.test(avi.toString('latin1', at, at + 4)) && empty.has(frame++);
    const chunk = Buffer.from(avi.subarray(at, at + 8 + (isEmpty ? 0 : size + (size % 2))));
    if (isEmpty) chunk.writeUInt32LE(0, 4);
    chunks.push(chunk);
    at += 8 + size + (size % 2);
  }
  const made = Buffer.concat([avi.subarray(0, movi + 4), ...chunks]);
  made.writeUInt32LE(made.length - 8, 4);
  made.writeUInt32LE(made.length - movi, movi - 4);
  return made;
}
