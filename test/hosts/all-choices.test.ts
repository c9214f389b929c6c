/** A task that makes use of everything at once: formats, parts, volumes, a still, an overlay, burned captions and covers. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Render, startTestHost, type TestHost } from '../fixtures/hosts/host.ts';
import { ffmpeg, makeClip } from '../fixtures/media/finished.ts';
import { filmFacts, soundOf } from '../fixtures/media/measure.ts';
import { type SourceServer, startSourceServer } from '../fixtures/network/source-server.ts';
import { unlessTurn, WHOLE_SUITES } from '../fixtures/system/sample.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

const FORMATS = [
  { name: 'tall', width: 270, height: 480 },
  { name: 'square', width: 240, height: 240, fit: 'cover' },
] as const;
/** In frames, as they are used. */
const LENGTHS: Record<string, number> = { film: 24, still: 15, quiet: 75, loud: 75 };

const skip = unlessTurn(WHOLE_SUITES, 'every choice at once');

describe('a task with every choice at once', { timeout: 120_000, skip }, () => {
  const cleanup = new AsyncDisposableStack();
  let server: SourceServer;
  let host: TestHost;

  before(async () => {
    const dir = cleanup.use(await tempDir());
    const at = (name: string) => join(dir.path, name);
    const clip = (name: string, frames: number) =>
      makeClip(at(name), { colour: 'blue', frames, size: '90x160' });
    await Promise.all([clip('film.mp4', 40), clip('quiet.mp4', 75), clip('loud.mp4', 75)]);
    const still = ['-f', 'lavfi', '-i', 'color=0x1e1edc:s=90x160:d=0.04', '-frames:v', '1'];
    await ffmpeg(...still, at('still.png'));
    await ffmpeg('-f', 'lavfi', '-i', 'color=red:s=40x40:d=0.04', '-frames:v', '1', at('logo.png'));
    const names = ['film.mp4', 'quiet.mp4', 'loud.mp4', 'still.png', 'logo.png'];
    const bodies = names.map(async (name) => [`/${name}`, { body: await readFile(at(name)) }] as const);
    server = cleanup.use(await startSourceServer(Object.fromEntries(await Promise.all(bodies))));
    host = cleanup.use(await startTestHost(dir.path));
  });
  after(() => cleanup.disposeAsync());

  const stem = (url: string) => url.slice(url.lastIndexOf('/') + 1, url.lastIndexOf('.'));

  /** The share of pixels that are nearly white, in one frame: only letters are. */
  async function lettersIn(file: string, frame: number): Promise<number> {
    const one = `select=eq(n\\,${frame}),format=gray`;
    const luma = await ffmpeg('-i', file, '-vf', one, '-frames:v', '1', '-f', 'rawvideo', '-');
    return luma.filter((value) => value > 200).length / luma.length;
  }

  test('makes videos whose picture, sound, captions and covers belong together', async () => {
    const { status, renders } = await host.run({
      task_name: 'all',
      video_blocks: {
        hooks: [
          { url: server.url('/film.mp4'), start_seconds: 0.2, end_seconds: 1, volume: 1 },
          server.url('/still.png'),
        ],
        ctas: [server.url('/quiet.mp4'), { url: server.url('/loud.mp4'), volume: 1 }],
      },
      text_to_speech: [{ text: 'Go on, try it now.', voice: 'en' }],
      output: { formats: FORMATS, fps: 30, still_seconds: 0.5 },
      overlays: [{ image: server.url('/logo.png'), position: 'top', width: 10, blocks: ['ctas'] }],
      captions: { mode: 'burn', files: ['srt'] },
      cover: { at_seconds: 99 },
    });
    assert.equal(status['status'], 'completed', JSON.stringify(renders.map(({ error }) => error)));
    assert.equal(renders.length, 8);
    const pieces = host.logged('piece.prepared').map((line) => String(line['piece']).split('-')[0]);
    // Each hook at the start, and each call to action behind each of them.
    assert.equal(pieces.filter((kind) => kind === 'captioned').length, 2 + 2 * 2);
    assert.equal(pieces.filter((kind) => kind === 'cover').length, 2);
    for (const video of renders as (Render & {
      format: string;
      files: { kind: string; file_name: string }[];
    })[]) {
      const file = join(host.outputDir, 'all', video.file_name);
      const shown = video.clips.map(stem);
      const [first = 0, second = 0] = shown.map((name) => LENGTHS[name]);
      const film = await filmFacts(file);
      assert.deepEqual([film.frames, film.even, film.complaints], [first + second, true, '']);

      const inHook = await lettersIn(file, first - 5);
      const inNext = await lettersIn(file, first + 2);
      assert.ok(inHook > 0.001 && inNext > 0.001, `${video.file_name}: ${inHook}, ${inNext}`);
      assert.equal(await lettersIn(file, first + second - 1), 0, 'after the line');

      const sound = await soundOf(file);
      assert.ok(Math.abs(sound.length - (first + second) * 1600) <= 1024);
      const end = sound.subarray((first + second - 15) * 1600);
      const level = Math.sqrt(end.reduce((sum, value) => sum + value * value, 0) / end.length);
      if (shown[1] === 'loud') assert.ok(level > 0.01, `${level}`);
      else assert.ok(level < 1e-3, `${level}`);

      assert.deepEqual(
        video.files.map(({ kind }) => kind),
        ['srt', 'cover'],
      );
      const cover = join(host.outputDir, 'all', String(video.files[1]?.file_name));
      const { width, height } = FORMATS.find(({ name }) => name === video.format) as (typeof FORMATS)[number];
      const pixels = await ffmpeg('-f', 'mjpeg', '-i', cover, '-f', 'rawvideo', '-pix_fmt', 'gray', '-');
      assert.equal(pixels.length, width * height);
    }
    const lengths = (format: string) =>
      (renders as (Render & { format: string })[])
        .filter((video) => video.format === format)
        .map(({ duration_seconds: seconds }) => seconds);
    assert.deepEqual(lengths('tall'), lengths('square'));
  });
});
