/**
 * Sends blocks of any shape, with clips of any kind, through the whole host: every frame of every video is in its
 * place.
 */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { OUTPUT_RATES } from '../../functions/model/fields/output.ts';
import { nearestStandardRate, samplesOf } from '../../functions/model/frame-rate.ts';
import { type Random, seededRandom } from '../../functions/model/random.ts';
import { startTestHost } from '../fixtures/hosts/host.ts';
import { secondsPerFrame, toYuv } from '../fixtures/media/counted-film.ts';
import { makeTrack } from '../fixtures/media/finished.ts';
import { filmFacts, soundOf } from '../fixtures/media/measure.ts';
import { expectedFrames, filmOf, makeOddClip, type OddClip } from '../fixtures/media/odd-clips.ts';
import { placeOf, readFilm } from '../fixtures/media/read-film.ts';
import { startSourceServer } from '../fixtures/network/source-server.ts';
import { sampled } from '../fixtures/system/sample.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

/** Set another seed for other tasks: SEED=5 node --test test/hosts/any-blocks.test.ts. */
const SEED = Number(process.env['SEED'] ?? 1);
const TASKS = 5;
const MOST_COMBINATIONS = 8;
const BT601 = toYuv({ matrix: 'bt601' });

const CODECS = [
  { ending: 'mp4', output: ['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '15'] },
  {
    ending: 'mkv',
    output: ['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '15', '-bf', '3', '-c:a', 'flac'],
  },
  { ending: 'mov', output: ['-c:v', 'mpeg4', '-q:v', '2', '-c:a', 'pcm_s16le'] },
  {
    ending: 'webm',
    output: ['-c:v', 'libvpx', '-b:v', '3M', '-deadline', 'realtime', '-cpu-used', '8', '-c:a', 'libopus'],
  },
  { ending: 'ts', output: ['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '15', '-c:a', 'aac'] },
] as const;
const SIZES = [
  { width: 256, height: 144 },
  { width: 144, height: 256 },
  { width: 200, height: 200 },
  { width: 240, height: 180 },
] as const;
const RATES = ['24', '25', '30000/1001', '30', '50', '60', '15', '24000/1001'] as const;
const SOUNDS = [[], ['-an'], ['-ac', '2'], ['-ac', '2', '-ar', '48000', '-af', 'atrim=end=0.2']] as const;

interface Plan {
  blocks: number[];
  clips: OddClip[];
  output: { width: number; height: number; fps: number; fit: 'contain' | 'cover' | 'blur' };
  music: boolean;
  volume: number;
}

function drawn(random: Random): Plan {
  const one = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const blocks: number[] = [];
  do blocks.push(1 + Math.floor(random() * 3));
  while (blocks.length < 4 && blocks.reduce((all, size) => all * size, 1) * 3 <= MOST_COMBINATIONS);
  const clips = Array.from({ length: blocks.reduce((sum, size) => sum + size, 0) }, () => {
    const { ending, output } = one(CODECS);
    const frames = 1 + Math.floor(random() * 40);
    const film = { ...one(SIZES), rate: one(RATES), frames, flash: Math.floor(random() * frames) };
    return { name: `clip.${ending}`, film, filter: BT601, output: [...output, ...one(SOUNDS)] };
  });
  // Square, so that no fit cuts off the part that is read.
  const side = one([192, 240, 256]);
  const output = {
    width: side,
    height: side,
    fps: one(OUTPUT_RATES),
    fit: one(['contain', 'cover', 'blur'] as const),
  };
  return { blocks, clips, output, music: random() < 0.5, volume: one([0, 0.5, 1]) };
}

/** A range, because the last frame may end between two frames of the video, or its container counts in milliseconds. */
function countOf(clip: OddClip, fps: number): { least: number; most: number } {
  const { frames, rate } = filmOf(clip);
  const exact = frames * secondsPerFrame(rate) * fps;
  const unsure = 0.05 + 0.0015 * fps;
  return { least: Math.max(1, Math.round(exact - unsure)), most: Math.max(1, Math.round(exact + unsure)) };
}

describe('any blocks', () => {
  for (const number of sampled([...Array(TASKS).keys()], TASKS, 'any blocks')) {
    const plan = drawn(seededRandom(SEED + number, 'blocks'));
    const { blocks, clips, output, music, volume } = plan;
    test(`${blocks.join(' x ')} clips in ${output.width}x${output.height} at ${output.fps}, ${output.fit}`, {
      timeout: 300_000,
    }, async (t) => {
      t.diagnostic(`SEED=${SEED + number}`);
      await using dir = await tempDir();
      const bodies: Record<string, { body: Buffer }> = {};
      for (const [id, clip] of clips.entries()) {
        const file = join(dir.path, `${id}.${clip.name.split('.')[1]}`);
        await makeOddClip(file, clip, id);
        bodies[`/${id}`] = { body: await readFile(file) };
      }
      bodies['/song'] = { body: await readFile(await makeTrack(join(dir.path, 'song.mp3'), 1)) };
      await using server = await startSourceServer(bodies);
      await using host = await startTestHost(dir.path);
      let next = 0;
      const numbers = blocks.map((size) => Array.from({ length: size }, () => next++));
      const { renders } = await host.run({
        task_name: 'any',
        video_blocks: numbers.map((ids, block) => ({
          name: `${block}`,
          urls: ids.map((id) => server.url(`/${id}`)),
        })),
        ...(music ? { audio_blocks: { music: [server.url('/song')] } } : {}),
        output,
        audio: { original_volume: volume },
      });
      const rate = nearestStandardRate(output.fps);
      const fps = rate.num / rate.den;
      assert.equal(
        renders.length,
        blocks.reduce((all, size) => all * size, 1),
      );
      for (const { status, error, clips: urls, file_name } of renders) {
        assert.equal(status, 'succeeded', JSON.stringify(error));
        const ids = urls.map((url) => Number(url.split('/').at(-1)));
        const file = join(dir.path, 'output', 'any', file_name);
        const facts = await filmFacts(file);
        let first = 0;
        for (const id of ids) {
          const clip = clips[id] as OddClip;
          const film = filmOf(clip);
          const read = (await readFilm(file, placeOf(film.width / film.height, output, output.fit))).slice(
            first,
          );
          // The cells of another clip are at other places, so they are illegible there or out of order.
          const others = read.findIndex(
            (seen, index) => seen.id !== id || seen.frame < (read[index - 1]?.frame ?? 0),
          );
          const own = others < 0 ? read : read.slice(0, others);
          const { least, most } = countOf(clip, fps);
          assert.ok(
            own.length >= least && own.length <= most,
            `${own.length}, not ${least}-${most}: ${JSON.stringify(clip)}`,
          );
          const expected = expectedFrames(clip, fps);
          const wrong = own.flatMap(({ frame }, index) => {
            const { from = 0, to = 0 } = expected[index] ?? expected.at(-1) ?? {};
            return frame >= from && frame <= to ? [] : [`${index}: ${frame}, not ${from}-${to}`];
          });
          assert.deepEqual(wrong, [], JSON.stringify(clip));
          first += own.length;
        }
        assert.deepEqual(
          { ...facts, seconds: 0 },
          { frames: first, seconds: 0, start: 0, even: true, complaints: '' },
        );
        const samples = (await soundOf(file)).length;
        assert.ok(
          Math.abs(samples - samplesOf(first, rate)) <= 1024,
          `${samples} samples for ${first} frames`,
        );
      }
      const names = await readdir(join(dir.path, 'output', 'any'));
      const manifest = names.find((name) => name.endsWith('.json')) ?? '';
      const { renders: rows } = JSON.parse(
        await readFile(join(dir.path, 'output', 'any', manifest), 'utf8'),
      ) as {
        renders: { loudness_lufs: number | null; true_peak_dbtp: number | null; duration_seconds: number }[];
      };
      for (const { loudness_lufs: loudness, true_peak_dbtp: peak, duration_seconds: seconds } of rows) {
        assert.ok(peak === null || peak <= -1, `${peak} dBTP`);
        // A block of R128 is 0.4 s long.
        if (music && seconds >= 0.5) assert.ok(loudness !== null);
      }
    });
  }
});
