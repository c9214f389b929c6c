/** Runs every kind of clip through all steps and compares the result with the frame numbers that the film contains. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { conformClip } from '../../functions/media/conform.ts';
import { probe } from '../../functions/media/probe.ts';
import type { Profile } from '../../functions/model/pins.ts';
import { mixCombination } from '../fixtures/media/combination.ts';
import { FILM, secondsPerFrame } from '../fixtures/media/counted-film.ts';
import { FFMPEG, ffmpeg as run } from '../fixtures/media/finished.ts';
import { beeps, filmFacts, soundOf } from '../fixtures/media/measure.ts';
import { useMedia } from '../fixtures/media/media.ts';
import {
  expectedFrames,
  filmOf,
  makeOddClip,
  makeStill,
  ODD_CLIPS,
  type OddClip,
  STILLS,
} from '../fixtures/media/odd-clips.ts';
import { plainProfile } from '../fixtures/media/plain-choices.ts';
import { placeOf, type ReadFrame, readFilm } from '../fixtures/media/read-film.ts';
import { sampled } from '../fixtures/system/sample.ts';

const { signal } = new AbortController();
const LIMITS = { signal, timeoutMs: 60_000 };
const PROFILE = plainProfile(256, 144);
const DEBIAN = '/usr/bin/ffmpeg';
/** Largest difference of a colour value, of 255. */
const COLOURS = 6;
/** Milliseconds. Allows for the rounding of containers and a first packet that is cut. */
const SYNC = 12;
const STILL_SECONDS = 1.5;

const { ffmpeg, at } = useMedia();
let count = 0;
const table: string[] = [];

/** Makes a video of one clip, with its own sound. */
async function made(file: string, profile: Profile = PROFILE) {
  const dir = at(`made-${++count}`);
  await mkdir(dir);
  const found = await probe(ffmpeg, file, { signal });
  const input = { file, probe: found, profile, dir, threads: 1, maxSeconds: 60, stillSeconds: STILL_SECONDS };
  const { frames } = await conformClip(ffmpeg, { ...input, ...LIMITS });
  const clip = { video: join(dir, 'video.mp4'), sound: join(dir, 'sound.s16le'), frames };
  const out = join(dir, 'out.mp4');
  const choices = { rate: profile.rate, originalVolume: 1, duck: true };
  const mixed = await mixCombination(ffmpeg, { clips: [clip], ...choices, dir, out, ...LIMITS });
  return { ...mixed, out };
}

/** Checks the video with every ffmpeg available. */
async function sound(out: string, frames: number): Promise<void> {
  for (const binary of [FFMPEG, DEBIAN].filter(existsSync)) {
    const facts = await filmFacts(out, binary);
    assert.deepEqual(
      { ...facts, seconds: 0 },
      { frames, seconds: 0, start: 0, even: true, complaints: '' },
      binary,
    );
  }
}

function asExpected(read: readonly ReadFrame[], clip: OddClip, fps: number): void {
  const expected = expectedFrames(clip, fps);
  assert.equal(read.length, expected.length);
  const wrong = read.flatMap(({ frame }, index) => {
    const { from = 0, to = 0 } = expected[index] ?? {};
    return frame >= from && frame <= to
      ? []
      : [`${index}: ${frame}, not ${from}${to > from ? `-${to}` : ''}`];
  });
  assert.deepEqual(wrong, [], read.map(({ frame }) => frame).join());
}

function furthest(read: readonly ReadFrame[]): number {
  return Math.round(10 * Math.max(...read.flatMap(({ colours }) => colours))) / 10;
}

async function lookAt(clip: OddClip, number: number, profile: Profile) {
  const file = at(`${number}${/\.\w+$/.exec(clip.name)?.[0]}`);
  await makeOddClip(file, clip, number);
  return made(file, profile);
}

for (const [number, clip] of sampled([...ODD_CLIPS.entries()], 8, 'odd clips')) {
  test(`${clip.name}: every frame in its place, sound in sync, colours unchanged`, async () => {
    const film = filmOf(clip);
    // A long clip keeps its own rate, so that each frame must occur once.
    const [num = 30, den = 1] = film.frames > 100 ? film.rate.split('/').map(Number) : [];
    const fps = num / den;
    const { out, frames, truePeak } = await lookAt(clip, number, { ...PROFILE, rate: { num, den } });
    const read = await readFilm(out, placeOf(clip.shape ?? film.width / film.height, PROFILE));
    asExpected(read, clip, fps);
    assert.ok(read.every(({ id }) => id === number));
    const off = furthest(read);
    assert.ok(off <= (clip.colours ?? COLOURS), `${off} codes`);
    const grey = Math.max(...read.flatMap(({ colours }) => colours.slice(1, 4)));
    assert.ok(grey <= (clip.greys ?? clip.colours ?? COLOURS), `${grey} codes of grey`);
    // The frame is repeated if the film is slower than the video; the beep belongs to the first one.
    const lit = read.findIndex(({ flash }) => flash);
    assert.deepEqual(
      read.flatMap(({ flash }, index) => (flash ? [index] : [])),
      read.flatMap(({ frame }, index) => (frame === film.flash ? [index] : [])),
    );
    const samples = await soundOf(out);
    const heard = beeps(samples, 0.3 * samples.reduce((most, value) => Math.max(most, Math.abs(value)), 0.1));
    const wanted = clip.beepAt === undefined ? lit / fps : clip.beepAt(film);
    const apart = wanted === null ? 0 : ((heard[0] ?? Number.NaN) - wanted) * 1000;
    assert.equal(heard.length, wanted === null ? 0 : 1, `${heard}`);
    assert.ok(Math.abs(apart) <= (clip.beepAt === undefined ? (clip.sync ?? SYNC) : SYNC), `${apart} ms`);
    assert.ok((truePeak ?? -99) <= -1);
    await sound(out, frames);
    table.push(
      `${clip.name.padEnd(48)} ${String(frames).padStart(3)} frames, sound ${apart.toFixed(1).padStart(6)} ms, colours within ${off}`,
    );
  });
}

for (const still of STILLS) {
  test(`${still.name}: shown for the requested time, in its colours`, async () => {
    // Without an extension, because sources are stored like that.
    const file = at(`still-${++count}`);
    await makeStill(file, still);
    const { out, frames } = await made(file);
    assert.equal(frames, STILL_SECONDS * 30);
    const read = await readFilm(out, placeOf(FILM.width / FILM.height, PROFILE));
    assert.ok(read.length === frames && read.every(({ frame, flash }) => frame === 0 && flash));
    const off = furthest(read);
    assert.ok(off <= COLOURS, `${off} codes`);
    await sound(out, frames);
    table.push(`${still.name.padEnd(48)} ${String(frames).padStart(3)} frames, colours within ${off}`);
  });
}

test('a photo followed by a second picture is treated as the photo', async () => {
  const [photo, other] = [at('photo'), at('other')];
  const jpeg = ['-frames:v', '1', '-c:v', 'mjpeg', '-f', 'image2pipe'];
  // As large as a photo, so that the second picture is far from the start.
  const grainy = 'color=red:s=1600x900,noise=alls=60,format=yuvj420p';
  await run('-f', 'lavfi', '-i', grainy, '-q:v', '1', ...jpeg, photo);
  await run('-f', 'lavfi', '-i', 'color=gray:s=64x48', ...jpeg, other);
  await appendFile(photo, await readFile(other));
  const { out } = await made(photo);
  const pixels = await run('-i', out, '-vf', 'scale=1:1:flags=area,format=rgb24', '-f', 'rawvideo', '-');
  const frames = Array.from({ length: pixels.length / 3 }, (_, frame) => [
    ...pixels.subarray(frame * 3, frame * 3 + 3),
  ]);
  assert.ok(
    frames.length > 1 && frames.every(([r = 0, g = 255]) => r > 2 * g),
    `${frames[0]} ... ${frames.at(-1)}`,
  );
});

describe('exact rates', () => {
  const rates = ['24000/1001', '24', '25', '30000/1001', '30', '50', '60000/1001', '60'];
  for (const rate of sampled(rates, 4, 'exact rates')) {
    test(`${rate}: exactly the frames of the film, one after another`, async () => {
      const [num = 0, den = 1] = rate.split('/').map(Number);
      const clip: OddClip = { name: `${rate}.mp4`, film: { rate }, output: ODD_CLIPS[0]?.output ?? [] };
      const file = at(`rate-${num}.mp4`);
      await makeOddClip(file, clip);
      const { out, frames, seconds } = await made(file, { ...PROFILE, rate: { num, den } });
      assert.equal(frames, FILM.frames);
      assert.equal(seconds.toFixed(9), (FILM.frames * secondsPerFrame(rate)).toFixed(9));
      const read = await readFilm(out, placeOf(FILM.width / FILM.height, PROFILE));
      assert.deepEqual(
        read.map(({ frame }) => frame),
        Array.from({ length: FILM.frames }, (_, index) => index),
      );
      await sound(out, frames);
    });
  }
});

after((t) => {
  for (const line of table) t.diagnostic?.(line);
});
