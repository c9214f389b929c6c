/** Recordings joined from two whose sound has another rate. ffmpeg works times out from the rate at the beginning. */
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { conformClip } from '../../functions/media/conform.ts';
import { probe } from '../../functions/media/probe.ts';
import { decodeSound } from '../../functions/media/track-sound.ts';
import { type CountedFilm, FILM, makeCounted } from '../fixtures/media/counted-film.ts';
import { ffmpeg as run } from '../fixtures/media/finished.ts';
import { useMedia } from '../fixtures/media/media.ts';
import { plainProfile } from '../fixtures/media/plain-choices.ts';
import { placeOf, readFilm } from '../fixtures/media/read-film.ts';
import { expectedTones, heard, tones } from '../fixtures/media/tones.ts';

const { signal } = new AbortController();
const PROFILE = plainProfile(256, 144);
const SHORT: CountedFilm = { ...FILM, frames: 30 };
const TWICE = [...Array(30).keys(), ...Array(30).keys()];

describe('sound that changes its rate', () => {
  const { ffmpeg, at } = useMedia();

  async function joined(name: string, parts: readonly (readonly string[])[]): Promise<string> {
    const bytes: Buffer[] = [];
    for (const [part, output] of parts.entries()) {
      const file = at(`${part}-${name}`);
      await run(...output, file);
      bytes.push(await readFile(file));
    }
    await writeFile(at(name), Buffer.concat(bytes));
    return at(name);
  }

  /** Two transport streams of a second each. */
  async function recordings(name: string, rates: readonly number[], coder: string): Promise<string> {
    const picture = at(`${name}.mkv`);
    await makeCounted(picture, SHORT, ['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '12', '-an']);
    const part = (rate: number, channel: number) => [
      ...['-i', picture, ...tones(1, rate), '-c:v', 'copy', '-c:a', coder, '-ac', String(channel)],
    ];
    return joined(`${name}.ts`, [part(rates[0] as number, 2), part(rates[1] as number, 1)]);
  }

  async function conformed(file: string, own: boolean) {
    const dir = `${file}-${own}`;
    await mkdir(dir);
    const input = {
      file,
      probe: await probe(ffmpeg, file, { signal }),
      profile: PROFILE,
      dir,
      threads: 1,
      own,
    };
    const { warnings } = await conformClip(ffmpeg, { ...input, maxSeconds: 20, timeoutMs: 60_000, signal });
    const film = await readFilm(join(dir, 'video.mp4'), placeOf(256 / 144, PROFILE));
    return { film: film.map(({ frame }) => frame), sound: join(dir, 'sound.s16le'), warnings };
  }

  for (const [what, rates, coder] of [
    ['doubles', [24_000, 48_000], 'aac'],
    ['doubles to 44.1 kHz', [22_050, 44_100], 'aac'],
    ['falls', [48_000, 32_000], 'aac'],
    ['rises', [32_000, 48_000], 'aac'],
    ['rises in MP2', [44_100, 48_000], 'mp2'],
  ] as const) {
    test(`leaves every picture of a recording in its place, and has no holes: it ${what}`, async () => {
      const file = await recordings(what, rates, coder);
      const { film, sound, warnings } = await conformed(file, true);
      assert.deepEqual([film, warnings], [TWICE, []]);
      const found = await heard(sound);
      assert.deepEqual(found.slice(0, 3), expectedTones(3));
      // A packet of padding lies between the two.
      assert.deepEqual(found.slice(5, 7), expectedTones(3).slice(1));
      assert.ok(found.every((hertz) => hertz > 0));
      if (what === 'doubles') assert.deepEqual((await conformed(file, false)).film, TWICE);
    });
  }

  test('keeps a gap in it', async () => {
    const picture = at('long.mkv');
    await makeCounted(picture, { ...FILM, frames: 150 }, ['-c:v', 'libx264', '-preset', 'ultrafast', '-an']);
    const part = (rate: number, seconds: number, ...more: string[]) => [
      ...[
        '-i',
        picture,
        ...tones(seconds, rate),
        '-t',
        String(seconds),
        '-c:v',
        'copy',
        '-c:a',
        'aac',
        ...more,
      ],
    ];
    const silent = ['-af', "aselect='not(between(t,1,4))'"];
    const file = await joined('gap.ts', [part(44_100, 2), part(48_000, 5, ...silent)]);
    const found = await heard((await conformed(file, true)).sound);
    const isHeard = (from: number, to: number) => found.slice(4 * from, 4 * to).map((hertz) => hertz > 0);
    assert.ok(isHeard(0, 1.75).every(Boolean), `${found}`);
    assert.ok(!isHeard(3.5, 5.75).some(Boolean), `${found}`);
    assert.ok(isHeard(6.5, 7).every(Boolean), `${found}`);
  });

  test('is no reason to read the picture apart if it only lasts longer than that of each recording', async () => {
    const picture = at('short.mkv');
    await makeCounted(picture, { ...FILM, frames: 60 }, ['-c:v', 'libx264', '-preset', 'ultrafast', '-an']);
    const part = ['-i', picture, ...tones(2.3, 48_000), '-c:v', 'copy', '-c:a', 'aac'];
    const { video } = await probe(ffmpeg, await joined('four.ts', [part, part, part, part]), { signal });
    assert.equal(video?.later, null);
  });

  for (const [name, coder] of [
    ['joined.ogg', ['-c:a', 'libvorbis']],
    ['joined.oga', ['-c:a', 'flac']],
  ] as const) {
    test(`is heard in order in a chained Ogg: ${name}`, async () => {
      const file = await joined(name, [
        [...tones(1, 44_100), '-ac', '1', ...coder],
        [...tones(1, 48_000), '-ac', '2', ...coder],
      ]);
      const { audio } = await probe(ffmpeg, file, { signal });
      assert.ok(audio !== null);
      const out = at(`${name}.s16le`);
      const { samples } = await decodeSound(ffmpeg, { file, out, audio, maxSeconds: 20, signal });
      assert.ok(Math.abs(samples - 96_000) < 1_000, `${samples}`);
      assert.deepEqual(await heard(out), [...expectedTones(4), ...expectedTones(4)]);
    });
  }
});
