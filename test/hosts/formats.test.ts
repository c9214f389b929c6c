/** Tasks whose videos are made in several formats. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { readPicture } from '../../functions/media/mp4/tracks.ts';
import { type Render, startTestHost, type TestHost } from '../fixtures/hosts/host.ts';
import { FILM, makeCounted } from '../fixtures/media/counted-film.ts';
import { makeTrack } from '../fixtures/media/finished.ts';
import { placeOf, readFilm } from '../fixtures/media/read-film.ts';
import { type SourceServer, startSourceServer } from '../fixtures/network/source-server.ts';
import { unlessTurn, WHOLE_SUITES } from '../fixtures/system/sample.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

const RATE = { num: 30, den: 1 };
/** The last has the size of the clips. */
const FORMATS = [
  { name: 'tall', width: 256, height: 320 },
  { name: 'square', width: 256, height: 256, fit: 'blur' },
  { name: 'wide', width: FILM.width, height: FILM.height },
] as const;
const LENGTHS = { a: 9, b: 14, c: 6, d: 11 };
const NAMES = Object.keys(LENGTHS) as (keyof typeof LENGTHS)[];

type Format = (typeof FORMATS)[number];

interface FormatRender extends Render {
  combination: number;
  format: string | null;
  text: string | null;
}

describe('a task in three formats', { skip: unlessTurn(WHOLE_SUITES, 'three formats') }, () => {
  const cleanup = new AsyncDisposableStack();
  let server: SourceServer;
  let host: TestHost;
  const bodies: Record<string, { body: Buffer }> = {};

  before(async () => {
    const dir = cleanup.use(await tempDir());
    for (const [id, name] of NAMES.entries()) {
      const film = { ...FILM, frames: LENGTHS[name], flash: 2, id };
      // Of one export, so that their frames can be copied.
      const output = ['-c:v', 'libx264', '-crf', '12', '-bf', '0', '-c:a', 'aac'];
      const file = await makeCounted(join(dir.path, `${name}.mp4`), film, output);
      bodies[`/${name}.mp4`] = { body: await readFile(file) };
    }
    const music = await readFile(await makeTrack(join(dir.path, 'music.wav'), 1));
    server = cleanup.use(await startSourceServer({ ...bodies, '/music.wav': { body: music } }));
    host = cleanup.use(await startTestHost(dir.path));
  });
  after(() => cleanup.disposeAsync());

  const request = (name: string, more: Record<string, unknown> = {}) => ({
    task_name: name,
    video_blocks: {
      hooks: [server.url('/a.mp4'), server.url('/b.mp4')],
      ctas: [server.url('/c.mp4'), server.url('/d.mp4')],
    },
    output: { formats: FORMATS, fps: 30 },
    ...more,
  });
  const framesOf = ({ clips }: Render) => clips.reduce((sum, url) => sum + LENGTHS[nameOf(url)], 0);
  const nameOf = (url: string) => url.at(-5) as keyof typeof LENGTHS;

  test('has every combination with each line in each of them, with one soundtrack, in a folder each', async () => {
    const { status, renders } = await host.run({
      ...request('launch', {
        audio_blocks: { music: [server.url('/music.wav')] },
        text_to_speech: [
          { text: 'One.', voice: 'en' },
          { text: 'Two.', voice: 'en' },
        ],
        selection: { lines: 'each' },
        targets: ['reels'],
      }),
    });
    const videos = renders as FormatRender[];
    assert.equal(status['status'], 'completed', JSON.stringify(videos.map(({ error }) => error)));
    assert.deepEqual([status['combinations'], status['succeeded'], videos.length], [24, 24, 24]);
    assert.equal(status['video'], 'mixed');
    assert.equal(
      status['video_reason'],
      'copied in wide, encoded in tall, square: the clips have another size',
    );
    for (let combination = 1; combination <= 8; combination++) {
      const own = videos.filter((video) => video.combination === combination);
      assert.deepEqual(
        own.map(({ format }) => format),
        FORMATS.map(({ name }) => name),
      );
      assert.equal(
        new Set(own.map(({ clips, text, track }) => JSON.stringify([clips, text, track]))).size,
        1,
      );
      assert.equal(new Set(own.map(({ duration_seconds: seconds }) => seconds)).size, 1);
    }
    for (const video of videos) {
      const { name, width, height } = FORMATS.find(({ name }) => name === video.format) as Format;
      assert.match(video.file_name, new RegExp(`^${name}/\\d{4}-.*_${name}\\.mp4$`));
      const file = join(host.outputDir, 'launch', video.file_name);
      const picture = await readPicture(file, RATE);
      assert.deepEqual([picture.width, picture.height], [width, height]);
      assert.equal(picture.sizes.length, framesOf(video));
    }
    for (const [at, video] of videos.slice(3 * 2, 3 * 3).entries()) {
      const { width, height } = FORMATS[at] as Format;
      const film = await readFilm(
        join(host.outputDir, 'launch', video.file_name),
        placeOf(FILM.width / FILM.height, { width, height }),
      );
      const shown = video.clips.map((url) => nameOf(url));
      assert.deepEqual(
        film.map(({ id, frame }) => [id, frame]),
        shown.flatMap((name) =>
          Array.from({ length: LENGTHS[name] }, (_, frame) => [NAMES.indexOf(name), frame]),
        ),
        video.file_name,
      );
    }
    assert.deepEqual(
      NAMES.map((name) => server.count(`/${name}.mp4`)),
      NAMES.map(() => 1),
    );
    const manifest = await host.get(`/tasks/${status['task_id']}/manifest.json`);
    const rows = manifest['renders'] as FormatRender[];
    assert.deepEqual(
      rows.map(({ combination, format }) => [combination, format]),
      videos.map(({ combination, format }) => [combination, format]),
    );
  });

  test('holds the picture before a damaged last frame where the clip is encoded, as that frame is copied elsewhere', async () => {
    const dir = cleanup.use(await tempDir());
    const file = join(dir.path, 'damaged.mp4');
    const bytes = Buffer.from(bodies['/a.mp4']?.body as Buffer);
    await writeFile(file, bytes);
    const { offsets, sizes } = await readPicture(file);
    // What is behind the header of its slice.
    bytes.fill(7, (offsets.at(-1) as number) + 6, (offsets.at(-1) as number) + (sizes.at(-1) as number));
    server.set('/damaged.mp4', { body: bytes });
    const { status, renders } = await host.run({
      task_name: 'damaged',
      video_blocks: { hooks: [server.url('/damaged.mp4')], ctas: [server.url('/c.mp4')] },
      output: { formats: FORMATS, fps: 30 },
    });
    assert.equal(status['status'], 'completed', JSON.stringify(renders.map(({ error }) => error)));
    assert.equal(status['video'], 'mixed');
    for (const { file_name: name } of renders) {
      const picture = await readPicture(join(host.outputDir, 'damaged', name), RATE);
      assert.equal(picture.sizes.length, LENGTHS.a + LENGTHS.c);
    }
  });

  test('is encoded once per clip for all formats, and retried in all that failed, with their names', async () => {
    server.remove('/d.mp4');
    const wanted = { output: { formats: FORMATS.slice(0, 2), fps: 30 }, audio: { original_volume: 1 } };
    const first = await host.run(request('again', wanted));
    const failed = (first.renders as FormatRender[]).filter(({ status }) => status === 'failed');
    assert.equal(first.status['status'], 'partial');
    assert.deepEqual(
      failed.map(({ index, format }) => [index, format]),
      [
        [3, 'tall'],
        [4, 'square'],
        [7, 'tall'],
        [8, 'square'],
      ],
    );
    server.set('/d.mp4', { body: bodies['/d.mp4']?.body as Buffer });
    const second = await host.retry(first.id);
    const videos = second.renders as FormatRender[];
    assert.equal(second.status['status'], 'completed', JSON.stringify(videos.map(({ error }) => error)));
    assert.deepEqual(
      videos.map(({ index, format, file_name: name }) => [index, format, name]),
      failed.map(({ index, format, file_name: name }) => [index, format, name]),
    );
    for (const video of videos) {
      const { width, height } = FORMATS.find(({ name }) => name === video.format) as Format;
      const picture = await readPicture(join(host.outputDir, 'again', video.file_name), RATE);
      assert.deepEqual(
        [picture.width, picture.height, picture.sizes.length],
        [width, height, framesOf(video)],
      );
    }
  });

  test('ends with all of them cancelled or made', async () => {
    const { body } = await host.post(request('cancelled'));
    await host.ask(`/tasks/${body['task_id']}/cancel`);
    const { status, renders } = await host.end(String(body['task_id']));
    assert.equal(renders.length, 12);
    assert.ok(['cancelled', 'completed'].includes(String(status['status'])), String(status['status']));
  });
});
