/**
 * The main job as a user runs it: real HTTP, real downloads, real ffmpeg, real SQLite; only the clips are generated.
 */
import assert from 'node:assert/strict';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { unzip } from '../fixtures/gcloud/unzip.ts';
import { type Json, type Render, startTestHost, type TestHost } from '../fixtures/hosts/host.ts';
import {
  type Colour,
  coloursAt,
  countFrames,
  level,
  makeClip,
  makeTrack,
  soundSeconds,
} from '../fixtures/media/finished.ts';
import { addressOf } from '../fixtures/network/source-address.ts';
import { type SourceServer, startSourceServer } from '../fixtures/network/source-server.ts';
import { EXHAUSTIVE } from '../fixtures/system/sample.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';

/** Length of an AAC frame, the unit in which sound is encoded, in seconds. */
const AAC_FRAME = 1024 / 48_000;

/** The clips of these tests: each has its own colour and length. */
const CLIPS: Record<string, { colour: Colour; frames: number; rate?: string; size?: string }> = {
  red: { colour: 'red', frames: 30 },
  green: { colour: 'green', frames: 45 },
  blue: { colour: 'blue', frames: 20, size: '90x160' },
  yellow: { colour: 'yellow', frames: 25, rate: '25' },
  magenta: { colour: 'magenta', frames: 31 },
  cyan: { colour: 'cyan', frames: 24 },
  white: { colour: 'white', frames: 15 },
  grey: { colour: 'grey', frames: 40 },
  black: { colour: 'black', frames: 33 },
};
/** Frames of each clip once it is at 30 frames per second. */
const FRAMES: Record<string, number> = Object.fromEntries(
  Object.entries(CLIPS).map(([name, { frames, rate = '30' }]) => [
    name,
    Math.round((frames * 30) / Number(rate)),
  ]),
);

/** Clips in each of three blocks. */
const EACH = EXHAUSTIVE ? 3 : 2;

const UMASK = process.umask();

describe('the single-machine host', () => {
  let dir: TempDir;
  let files: Record<string, Buffer>;
  let host: TestHost;

  before(async () => {
    dir = await tempDir();
    files = {};
    for (const [name, clip] of Object.entries(CLIPS)) {
      files[`${name}.mp4`] = await readFile(await makeClip(join(dir.path, `${name}.mp4`), clip));
    }
    files['noise.mp3'] = await readFile(await makeTrack(join(dir.path, 'noise.mp3'), 1));
    host = await startTestHost(dir.path);
  });

  after(async () => {
    await host?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  /** Starts a server for one test, so that its counts belong to that test. */
  function serve(...names: string[]): Promise<SourceServer> {
    return startSourceServer(
      Object.fromEntries(
        names.map((name) => [`/${name}`, { body: files[name] as Buffer, etag: `"${name}"` }]),
      ),
    );
  }

  async function assertPlays(render: Render): Promise<void> {
    assert.equal(render.status, 'succeeded', JSON.stringify(render.error));
    const file = fileURLToPath(render.url as string);
    const clips = render.clips.map((clip) => addressOf(clip).name);
    const lengths = clips.map((name) => FRAMES[name] as number);
    const frames = lengths.reduce((sum, length) => sum + length, 0);
    assert.equal(await countFrames(file), frames, `frames of ${render.file_name}`);
    const seconds = frames / 30;
    assert.ok(Math.abs((await soundSeconds(file)) - seconds) <= AAC_FRAME, `sound of ${render.file_name}`);
    assert.ok(Math.abs((render.duration_seconds as number) - seconds) < 0.001);
    // The first and last frame of each clip prove the order and that no frame belongs to a neighbour.
    const starts = lengths.map((_, at) => lengths.slice(0, at).reduce((sum, length) => sum + length, 0));
    const edges = lengths.flatMap((length, at) => [
      starts[at] as number,
      (starts[at] as number) + length - 1,
    ]);
    assert.deepEqual(
      await coloursAt(file, edges),
      clips.flatMap((name) => [CLIPS[name]?.colour, CLIPS[name]?.colour]),
      `clips of ${render.file_name}`,
    );
  }

  test("makes the reference service's own sample: two blocks of two, music and a voice", async () => {
    await using server = await serve('red.mp4', 'green.mp4', 'blue.mp4', 'yellow.mp4', 'noise.mp3');
    const { id, status, renders } = await host.run({
      task_name: 'spring sale',
      video_blocks: {
        block1: [server.url('/red.mp4'), server.url('/green.mp4')],
        block2: [server.url('/blue.mp4'), server.url('/yellow.mp4')],
      },
      audio_blocks: { audio1: [server.url('/noise.mp3')] },
      text_to_speach: [{ text: 'Hi', voice: 'Sarah' }],
      metadata: { order: 5 },
    });
    assert.deepEqual(
      renders.map(({ clips }) => clips.map((clip) => addressOf(clip).name)),
      [
        ['red', 'blue'],
        ['red', 'yellow'],
        ['green', 'blue'],
        ['green', 'yellow'],
      ],
    );
    for (const render of renders) await assertPlays(render);

    const short = id.slice(0, 6);
    assert.deepEqual((await readdir(join(host.outputDir, 'spring sale'))).sort(), [
      `0001-red-blue-${short}.mp4`,
      `0002-red-yellow-${short}.mp4`,
      `0003-green-blue-${short}.mp4`,
      `0004-green-yellow-${short}.mp4`,
      `manifest-${short}.csv`,
      `manifest-${short}.json`,
    ]);
    const folder = join(host.outputDir, 'spring sale');
    for (const extension of ['json', 'csv']) {
      const sent = await fetch(`${host.url}/tasks/${id}/manifest.${extension}`);
      assert.equal(await sent.text(), await readFile(join(folder, `manifest-${short}.${extension}`), 'utf8'));
    }
    const zip = await fetch(`${host.url}/tasks/${id}/manifest.zip`);
    const zipped = unzip(Buffer.from(await zip.arrayBuffer()));
    assert.deepEqual([...zipped.keys()].sort(), (await readdir(folder)).sort());
    for (const [name, bytes] of zipped) assert.deepEqual(bytes, await readFile(join(folder, name)), name);
    const { succeeded, failed, pending, percent, eta_seconds, metadata } = status;
    assert.deepEqual([succeeded, failed, pending, percent, eta_seconds], [4, 0, 0, 100, 0]);
    assert.deepEqual(metadata, { order: 5 });
  });

  test('keeps DATA_DIR to its own user, and gives videos and folders the permissions of new files', {
    skip: process.platform === 'win32' && 'Windows has other permissions',
  }, async () => {
    const modes = async (parent: string) => {
      const entries = await readdir(parent, { recursive: true, withFileTypes: true });
      const found = entries.map(async (entry) => {
        const { mode } = await stat(join(entry.parentPath, entry.name));
        return `${entry.isDirectory() ? 'folder' : 'file'} ${(mode & 0o777).toString(8)}`;
      });
      return [...new Set(await Promise.all(found))].sort();
    };
    assert.equal((await stat(host.dataDir)).mode & 0o777, 0o700);
    assert.deepEqual(await modes(host.dataDir), ['file 600', 'folder 700']);
    const asNew = (most: number) => (most & ~UMASK).toString(8);
    assert.deepEqual(await modes(host.outputDir), [`file ${asNew(0o666)}`, `folder ${asNew(0o777)}`]);
  });

  test('loops the music to the end of every video, and keeps the voice audible', async () => {
    await using server = await serve('grey.mp4', 'black.mp4', 'noise.mp3');
    const task = (name: string, more: Json) => ({
      task_name: name,
      video_blocks: [
        { name: '1', urls: [server.url('/grey.mp4')] },
        { name: '2', urls: [server.url('/black.mp4')] },
        { name: '3', urls: [server.url('/grey.mp4')] },
      ],
      ...more,
    });
    const music = { audio_blocks: { a: [server.url('/noise.mp3')] } };
    const voice = { text_to_speech: [{ text: 'One two three', voice: 'George' }] };
    const only = async (more: Json) => {
      const { renders } = await host.run(task('sound', more));
      return fileURLToPath(renders[0]?.url as string);
    };
    // 113 frames: 3.77 s, nearly four times the track.
    const withMusic = await only(music);
    for (const from of [0.2, 1, 1.9, 2.4]) {
      const heard = await level(withMusic, from, from + 0.3);
      assert.ok(heard > -30, `music at ${from} s: ${heard} dB`);
    }
    const [middle, end] = [await level(withMusic, 1, 2), await level(withMusic, 3.65, 3.76)];
    assert.ok(end < middle - 10, `fades out: ${middle} dB, then ${end} dB`);

    const spoken = await only(voice);
    assert.ok((await level(spoken, 0, 1)) > -35, 'the voice alone is audible');
    const silent = await only({ audio: { original_volume: 0, duck: true } });
    assert.ok(!((await level(silent, 0, 3)) > -80), 'without music and voice there is a silent track');
    const own = await only({ audio: { original_volume: 1 } });
    assert.ok((await level(own, 0.5, 3, 'bandpass=f=1000:w=100')) > -35, "the clips' own beep is audible");
  });

  test(`${EACH ** 3} videos of ${EACH * 3} clips request each URL, encode each clip and speak each line once`, async () => {
    const count = EACH ** 3;
    const names = Object.keys(CLIPS).slice(0, 3 * EACH);
    await using server = await serve(...names.map((name) => `${name}.mp4`), 'noise.mp3');
    const urls = names.map((name) => server.url(`/${name}.mp4`));
    const before = host.logged('source.prepared').length;
    const { status, renders } = await host.run({
      task_name: 'all of them',
      video_blocks: { a: urls.slice(0, EACH), b: urls.slice(EACH, 2 * EACH), c: urls.slice(2 * EACH) },
      audio_blocks: { m: [server.url('/noise.mp3')] },
      text_to_speech: ['First', 'Second', 'Third'].map((text) => ({ text: `${text} line`, voice: 'Ann' })),
      output: { width: 128, height: 128, fps: 30 },
    });
    assert.equal(status['succeeded'], count);
    for (const name of [...names.map((clip) => `/${clip}.mp4`), '/noise.mp3'])
      assert.equal(server.count(name), 1, name);
    const prepared = host.logged('source.prepared').slice(before);
    assert.deepEqual(
      ['clip', 'track', 'line'].map((kind) => prepared.filter((line) => line['kind'] === kind).length),
      [3 * EACH, 1, 3],
    );
    assert.equal(new Set(prepared.map((line) => line['artifact'])).size, 3 * EACH + 4, 'artifacts made');
    for (const render of [renders[0], renders[count >> 1], renders.at(-1)])
      await assertPlays(render as Render);
    const spoken = ['First line', 'Second line', 'Third line'].map(
      (text) => renders.filter((r) => (r as unknown as Json)['text'] === text).length,
    );
    assert.equal(
      spoken.reduce((sum, videos) => sum + videos, 0),
      count,
    );
    assert.ok(Math.max(...spoken) - Math.min(...spoken) <= 1, `each line as often as any other: ${spoken}`);
    const completed = host.logged('task.completed').filter((line) => line['task_name'] === 'all of them');
    assert.equal(completed.length, 1);
    const { combinations, succeeded, failed, cancelled } = completed[0] as Json;
    assert.deepEqual([combinations, succeeded, failed, cancelled], [count, count, 0, 0]);

    // A second task checks whether they changed, and encodes nothing again.
    await host.run({
      task_name: 'again',
      video_blocks: { a: urls.slice(0, 2) },
      output: { width: 128, height: 128, fps: 30 },
    });
    assert.deepEqual(
      server.seen('/red.mp4').map((request) => request.status),
      [200, 304],
    );
  });

  test('a dead URL costs only its own combinations, even as the very first clip, and is requested once', async () => {
    await using server = await serve('red.mp4', 'green.mp4', 'blue.mp4');
    const { status, renders, id } = await host.run({
      task_name: 'dead link',
      video_blocks: {
        a: [server.url('/gone.mp4'), server.url('/red.mp4')],
        b: [server.url('/green.mp4'), server.url('/blue.mp4')],
      },
    });
    const { succeeded, failed, pending, combinations } = status;
    assert.deepEqual([succeeded, failed, pending, combinations], [2, 2, 0, 4]);
    for (const render of renders.slice(0, 2)) {
      assert.equal(render.status, 'failed');
      assert.equal(render.error?.code, 'source_not_found');
      assert.equal(render.error?.stage, 'download');
      assert.match(render.error?.message ?? '', /404/);
    }
    for (const render of renders.slice(2)) await assertPlays(render);
    assert.equal(server.count('/gone.mp4'), 1);

    const short = id.slice(0, 6);
    const manifest = JSON.parse(
      await readFile(join(host.outputDir, 'dead link', `manifest-${short}.json`), 'utf8'),
    ) as Json;
    assert.deepEqual([manifest['succeeded'], manifest['failed']], [2, 2]);
    assert.equal((manifest['renders'] as Json[]).length, 4);
    const csv = await readFile(join(host.outputDir, 'dead link', `manifest-${short}.csv`), 'utf8');
    assert.equal(csv.trim().split('\r\n').length, 5);
    assert.match(csv, /source_not_found/);
  });

  test('an unreadable clip and a track without sound are reported with code and stage', async () => {
    await using server = await startSourceServer({
      '/red.mp4': { body: files['red.mp4'] as Buffer },
      '/page': { body: Buffer.from('<html>sign in</html>'), contentType: 'text/html' },
      '/text.mp4': { body: Buffer.from('not a film') },
      '/noise.mp3': { body: files['noise.mp3'] as Buffer },
    });
    const codes = async (clip: string, track?: string) => {
      const { renders } = await host.run({
        task_name: 'broken',
        video_blocks: { a: [server.url(clip)] },
        ...(track === undefined ? {} : { audio_blocks: { a: [server.url(track)] } }),
      });
      return renders[0]?.error?.code;
    };
    assert.equal(await codes('/page'), 'media_unreadable');
    assert.equal(await codes('/text.mp4'), 'media_unreadable');
    assert.equal(await codes('/noise.mp3'), 'no_video');
    assert.equal(await codes('/red.mp4', '/text.mp4'), 'media_unreadable');
  });

  test('a file that changes behind its URL never mixes two versions in one task', async () => {
    await using server = await startSourceServer({
      '/red.mp4': {
        body: files['red.mp4'] as Buffer,
        etag: '"one"',
        change: { after: 1, body: files['green.mp4'] as Buffer, etag: '"two"' },
      },
      '/blue.mp4': { body: files['blue.mp4'] as Buffer, etag: '"blue"' },
      '/cyan.mp4': { body: files['cyan.mp4'] as Buffer, etag: '"cyan"' },
    });
    const request = {
      task_name: 'changing',
      video_blocks: {
        a: [server.url('/red.mp4')],
        b: [server.url('/blue.mp4'), server.url('/cyan.mp4')],
        c: [server.url('/red.mp4')],
      },
    };
    const coloursOf = async (renders: Render[]) => {
      const seen = new Set<Colour>();
      for (const { url, duration_seconds } of renders) {
        const last = Math.round((duration_seconds as number) * 30) - 1;
        for (const colour of await coloursAt(fileURLToPath(url as string), [0, last])) seen.add(colour);
      }
      return [...seen];
    };
    assert.deepEqual(await coloursOf((await host.run(request)).renders), ['red']);
    assert.equal(server.count('/red.mp4'), 1);
    assert.deepEqual(
      await coloursOf((await host.run(request)).renders),
      ['green'],
      'the next task has the new version',
    );
  });

  test('a server that is busy at first is retried within the step', async () => {
    await using server = await startSourceServer({
      '/red.mp4': {
        body: files['red.mp4'] as Buffer,
        script: [
          { does: 'status', status: 503 },
          { does: 'status', status: 429, headers: { 'retry-after': '1' } },
          { does: 'drop' },
        ],
      },
    });
    const { renders } = await host.run({ task_name: 'busy', video_blocks: { a: [server.url('/red.mp4')] } });
    await assertPlays(renders[0] as Render);
    assert.equal(server.count('/red.mp4'), 4);
    assert.equal(host.logged('message.handed_back').filter((line) => line['topic'] === 'prepare').length, 0);
  });

  test('a task with a slow first clip does not hold up the one behind it', async () => {
    const slow = Array.from(
      { length: 24 },
      (_, at) => [`/${at}.mp4`, { body: files['red.mp4'] as Buffer }] as const,
    );
    await using server = await startSourceServer({
      ...Object.fromEntries(slow),
      '/0.mp4': { body: files['red.mp4'] as Buffer, always: { does: 'delay', ms: 12_000 } },
      '/green.mp4': { body: files['green.mp4'] as Buffer },
    });
    const first = await host.post({
      task_name: 'slow',
      video_blocks: { a: slow.map(([path]) => server.url(path)) },
    });
    const { status } = await host.run({
      task_name: 'quick',
      video_blocks: { a: [server.url('/green.mp4')] },
    });
    assert.equal(status['succeeded'], 1);
    const behind = await host.get(`/tasks/${first.body['task_id']}`);
    assert.equal(behind['succeeded'], 0, 'the slow task was still waiting for its first clip');
  });

  test('a slow clip holds up only its own combinations', async () => {
    const urls = Array.from({ length: 40 }, (_, at) => `/${at}.mp4`);
    await using server = await startSourceServer({
      ...Object.fromEntries(urls.map((path) => [path, { body: files['red.mp4'] as Buffer }])),
      '/0.mp4': { body: files['red.mp4'] as Buffer, always: { does: 'delay', ms: 30_000 } },
      '/green.mp4': { body: files['green.mp4'] as Buffer },
    });
    const { body } = await host.post({
      task_name: 'half slow',
      // The slow clip's forty combinations come first, which is more than are in flight at a time.
      video_blocks: [
        { name: 'a', urls: [server.url('/0.mp4'), server.url('/green.mp4')] },
        { name: 'b', urls: urls.slice(1).map((path) => server.url(path)) },
      ],
      output: { width: 64, height: 64, fps: 30 },
    });
    const deadline = Date.now() + 28_000;
    let status: Json;
    do {
      status = await host.get(`/tasks/${body['task_id']}`);
      await sleep(100);
    } while (status['succeeded'] !== 39 && Date.now() < deadline);
    assert.equal(status['succeeded'], 39);
  });

  test('a second host continues where the first one stopped', async () => {
    await using server = await serve('red.mp4', 'green.mp4', 'white.mp4');
    const [a, b] = [server.url('/red.mp4'), server.url('/green.mp4')];
    await using own = await tempDir();
    const first = await startTestHost(own.path);
    const { body } = await first.post({
      task_name: 'many',
      video_blocks: { a: [a, b], b: [a, b], c: [a, b], d: [server.url('/white.mp4')] },
      output: { width: 64, height: 64, fps: 30 },
    });
    assert.equal(body['combinations'], 8);
    await first[Symbol.asyncDispose]();
    await using second = await startTestHost(own.path);
    const deadline = Date.now() + 60_000;
    let status: Json;
    do {
      status = await second.get(`/tasks/${body['task_id']}`);
      await sleep(50);
    } while (status['completed_at'] === null && Date.now() < deadline);
    assert.equal(status['succeeded'], 8);
    const files = await readdir(join(second.outputDir, 'many'));
    assert.equal(files.filter((name) => name.endsWith('.mp4')).length, 8);
  });
});
