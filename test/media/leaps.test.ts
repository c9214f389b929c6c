import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { conformClip } from '../../functions/media/conform.ts';
import { withoutLeaps } from '../../functions/media/leaps.ts';
import type { ListedStream } from '../../functions/media/packets.ts';
import { probe } from '../../functions/media/probe.ts';
import { ffmpeg as run } from '../fixtures/media/finished.ts';
import { useMedia } from '../fixtures/media/media.ts';
import { plainProfile } from '../fixtures/media/plain-choices.ts';
import { expectedTones, heard, tones } from '../fixtures/media/tones.ts';

const FRAME = 1 / 25;

/** Packets from each of these seconds on, for a second each. */
function stream(from: readonly number[], change: Partial<ListedStream> = {}): ListedStream {
  const times = Float64Array.from(
    from.flatMap((second) => Array.from({ length: 25 }, (_, at) => second + at * FRAME)),
  );
  const end = (times.at(-1) ?? 0) + FRAME;
  return {
    ...{
      kind: 'video',
      codec: 'h264',
      width: 64,
      height: 64,
      sampleAspect: 1,
      sampleRate: 0,
      layout: '',
      channels: 0,
    },
    ...{
      times,
      shown: times.length,
      filled: times.length,
      end,
      filledEnd: end,
      lastSeconds: FRAME,
      restarted: new Float64Array(),
      extras: false,
      cut: 0,
      discarded: 0,
    },
    ...change,
  };
}

const rounded = (value: number) => Math.round(value * 1e6) / 1e6;

describe('the times of a clip', () => {
  test('that leap together with those of its sound are moved together', () => {
    const found = withoutLeaps(stream([0, 5_000, 10_000]), stream([0.02, 5_000.02, 10_000.02]));
    const leaps = found.leaps.map(({ at, by }) => [Math.round(at), rounded(by)]);
    assert.deepEqual(
      [leaps, found.restarts],
      [
        [
          [2_500, 4_999],
          [7_500, 4_999],
        ],
        false,
      ],
    );
    assert.equal(rounded(found.end), 3);
    assert.deepEqual([...found.times].map(rounded), [...stream([0, 1, 2]).times].map(rounded));
  });

  for (const [what, film, sound] of [
    [
      'a picture that stands still while the sound goes on',
      [0, 20],
      Array.from({ length: 21 }, (_, at) => at),
    ],
    ['a picture that stands still after the sound', [0, 20], [0]],
    ['a picture that stands still before the sound', [0, 20], [20]],
    ['a picture without sound', [0, 7_200], undefined],
    ['a pause of some seconds', [0, 9], [0, 9]],
  ] as const) {
    test(`are kept of ${what}`, () => {
      const kept = stream(film);
      const { leaps, times, end } = withoutLeaps(kept, sound && stream(sound));
      assert.deepEqual([leaps, times, end], [[], kept.times, kept.end]);
    });
  }

  test('that begin anew go on after those before', () => {
    const { restarts, times, end } = withoutLeaps(
      stream([0], { restarted: new Float64Array(50) }),
      undefined,
    );
    assert.deepEqual([restarts, times.length, rounded(end)], [true, 25, 3]);
  });

  test('of many pauses are compared with the sound in one pass', () => {
    const seconds = Array.from({ length: 20_000 }, (_, at) => at * 11);
    const began = performance.now();
    const { leaps, times } = withoutLeaps(stream(seconds), stream(seconds));
    assert.deepEqual([leaps.length, times.length], [200, 500_000]);
    assert.ok(performance.now() - began < 5_000);
  });
});

describe('a clip with a leap', () => {
  const { ffmpeg, at } = useMedia();
  const { signal } = new AbortController();
  const rate = { num: 10, den: 1 };
  const profile = plainProfile(64, 64, rate);

  /** Pictures at 10 a second and the tones; `moved`: by how many seconds what comes from then on is later. */
  async function made(
    name: string,
    pictures: { seconds: number; moved: string },
    sound: { seconds: number; moved: string },
  ): Promise<string> {
    await run(
      ...['-f', 'lavfi', '-i', `testsrc2=s=64x64:r=10:d=${pictures.seconds}`, ...tones(sound.seconds)],
      ...['-vf', `setpts='PTS+(${pictures.moved})/TB'`, '-fps_mode', 'passthrough'],
      ...[
        '-af',
        `asetnsamples=480,asetpts='PTS+(${sound.moved})/TB'`,
        '-c:v',
        'mpeg4',
        '-c:a',
        'pcm_s16le',
        at(name),
      ],
    );
    return at(name);
  }

  async function conformed(file: string) {
    const dir = `${file}-made`;
    await mkdir(dir);
    const input = {
      file,
      dir,
      profile,
      probe: await probe(ffmpeg, file, { signal }),
      threads: 1,
      maxSeconds: 60,
    };
    const { frames, warnings } = await conformClip(ffmpeg, { ...input, signal, timeoutMs: 60_000 });
    return { frames, warnings, heard: await heard(join(dir, 'sound.s16le')) };
  }

  const silence = (seconds: number) => Array.from({ length: 4 * seconds }, () => 0);

  test('keeps picture and sound together where both leap', async () => {
    const moved = 'gte(T,1)*20+gte(T,2)*20';
    const file = await made('both.mkv', { seconds: 3, moved }, { seconds: 3, moved });
    assert.deepEqual(await conformed(file), { frames: 30, warnings: [], heard: expectedTones(12) });
  });

  test('keeps a silence elsewhere', async () => {
    const sound = { seconds: 3, moved: 'gte(T,1)*11+gte(T,2)*20' };
    const file = await made('silence.mkv', { seconds: 14, moved: 'gte(T,13)*20' }, sound);
    const tone = expectedTones(12);
    const expected = [...tone.slice(0, 4), ...silence(11), ...tone.slice(4)];
    assert.deepEqual(await conformed(file), { frames: 140, warnings: [], heard: expected });
  });

  test('keeps the time of a picture that stands still elsewhere', async () => {
    const pictures = { seconds: 3, moved: 'gte(T,1)*11+gte(T,2)*20' };
    const file = await made('still.mkv', pictures, { seconds: 14, moved: 'gte(T,13)*20' });
    assert.deepEqual(await conformed(file), { frames: 140, warnings: [], heard: expectedTones(56) });
  });

  test('keeps the time of pictures that stand still in two joined recordings', async () => {
    const one = await readFile(
      await made('one.mkv', { seconds: 2, moved: 'gte(T,1)*11' }, { seconds: 13, moved: '0' }),
    );
    await writeFile(at('two.mkv'), Buffer.concat([one, one]));
    const tone = expectedTones(52);
    const found = await conformed(at('two.mkv'));
    assert.ok(Math.abs(found.frames - 260) <= 1, `${found.frames}`);
    assert.deepEqual(found.heard.slice(0, 103), [...tone, ...tone].slice(0, 103));
  });

  test('has all pictures of a second recording, however many these are', async () => {
    const parts = [1, 10].map(async (fps) => {
      const source = ['-f', 'lavfi', '-i', `testsrc2=s=64x64:r=${fps}:d=2`];
      await run(...source, '-c:v', 'mpeg4', at(`${fps}.mkv`));
      return readFile(at(`${fps}.mkv`));
    });
    await writeFile(at('more.mkv'), Buffer.concat(await Promise.all(parts)));
    const { frames } = await conformed(at('more.mkv'));
    // The last picture before the join lasts as long as those before it.
    assert.ok(Math.abs(frames - 40) <= 1, `${frames}`);
  });
});
