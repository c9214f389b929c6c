import assert from 'node:assert/strict';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Render, startTestHost, type TestHost } from '../fixtures/hosts/host.ts';
import { dimensions, ffmpeg, makeClip, makeTrack } from '../fixtures/media/finished.ts';
import { startSourceServer } from '../fixtures/network/source-server.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';

/** Red, green and blue of the top left of the first frame. */
async function corner(file: string): Promise<[number, number, number]> {
  const look = 'scale=in_color_matrix=bt709,format=gbrp,crop=8:8:0:0,scale=1:1:flags=area,format=rgb24';
  const pixel = await ffmpeg('-i', file, '-frames:v', '1', '-vf', look, '-f', 'rawvideo', '-');
  return [...pixel] as [number, number, number];
}

describe('a retry', () => {
  let dir: TempDir;
  let host: TestHost;
  let red: Buffer;
  let blue: Buffer;
  let sound: Buffer;

  before(async () => {
    dir = await tempDir();
    red = await readFile(await makeClip(join(dir.path, 'red.mp4'), { colour: 'red', size: '90x160' }));
    blue = await readFile(await makeClip(join(dir.path, 'blue.mp4'), { colour: 'blue', frames: 20 }));
    sound = await readFile(await makeTrack(join(dir.path, 'sound.mp3'), 1));
    host = await startTestHost(dir.path);
  });

  after(async () => {
    await host?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  const files = async (name: string, ending: string) =>
    (await readdir(join(host.outputDir, name))).filter((file) => file.endsWith(ending)).sort();

  test('makes the three failed videos of 27 in the same folder under the same names', async () => {
    const hooks = Array.from({ length: 9 }, (_, at) => `/hook-${at}.mp4`);
    const bodies = ['/body-1.mp4', '/body-2.mp4', '/body-3.mp4'];
    await using server = await startSourceServer(
      Object.fromEntries([
        // The format is that of the first clip, which the retry does not use.
        ['/hook-0.mp4', { body: red }],
        ...[...hooks.slice(1), ...bodies].map((path) => [path, { body: blue }]),
      ]),
    );
    server.remove('/hook-4.mp4');
    const first = await host.run({
      task_name: 'twenty-seven',
      video_blocks: {
        hooks: hooks.map((path) => server.url(path)),
        bodies: bodies.map((path) => server.url(path)),
      },
      text_to_speech: [
        { text: 'One', voice: 'Ann' },
        { text: 'Two', voice: 'Ann' },
      ],
      output: { background: '#00ff00' },
      metadata: { order: 7 },
    });
    assert.deepEqual([first.status['succeeded'], first.status['failed']], [24, 3]);
    const failed = first.renders.filter(({ status }) => status === 'failed');
    const before = await files('twenty-seven', '.mp4');
    const times = await Promise.all(
      before.map(async (name) => (await stat(join(host.outputDir, 'twenty-seven', name))).mtimeMs),
    );

    server.set('/hook-4.mp4', { body: blue });
    const { status, id, renders } = await host.retry(first.id);
    assert.notEqual(id, first.id);
    assert.deepEqual(
      [status['combinations'], status['succeeded'], status['failed'], status['retry_of']],
      [3, 3, 0, first.id],
    );
    assert.deepEqual(
      [status['output_folder'], status['metadata']],
      [first.status['output_folder'], { order: 7 }],
    );
    const choices = ({ index, clips, track, voice, file_name }: Render) => ({
      index,
      clips,
      track,
      voice,
      file_name,
    });
    assert.deepEqual(renders.map(choices), failed.map(choices), 'the same choices and names');

    const now = await files('twenty-seven', '.mp4');
    assert.deepEqual(now, first.renders.map(({ file_name }) => file_name).sort());
    const still = await Promise.all(
      before.map(async (name) => (await stat(join(host.outputDir, 'twenty-seven', name))).mtimeMs),
    );
    assert.deepEqual(still, times, 'finished videos are not touched');
    assert.equal((await files('twenty-seven', '.json')).length, 2, 'the retry has its own manifest');
    // A blue clip is wide in the frame of the red one, with the bars above and below it.
    const [retried, finished] = [renders[0], first.renders[9]].map((render) =>
      join(host.outputDir, 'twenty-seven', render?.file_name as string),
    ) as [string, string];
    assert.equal(await dimensions(retried), await dimensions(finished), 'the format of the first task');
    assert.deepEqual(await corner(retried), await corner(finished), 'and its bars');
    const [r, g, b] = await corner(retried);
    assert.ok(r < 30 && g > 220 && b < 30, `bars of ${r}, ${g}, ${b}`);

    const again = await host.ask(`/tasks/${first.id}/retry`);
    assert.deepEqual([again.status, again.body['task_id']], [202, id], 'a task has one retry');
    const nothing = await host.ask(`/tasks/${id}/retry`);
    assert.deepEqual([nothing.status, nothing.body['code']], [409, 'nothing_to_retry']);
  });

  test('shows a still image as long, with bars of the same colour', async () => {
    const file = join(dir.path, 'still.png');
    await ffmpeg('-f', 'lavfi', '-i', 'color=c=red:s=160x90', '-frames:v', '1', file);
    const still = await readFile(file);
    await using server = await startSourceServer({ '/still.png': { body: still } });
    const first = await host.run({
      task_name: 'stills',
      video_blocks: { a: [server.url('/still.png'), server.url('/late.png')] },
      output: { width: 90, height: 160, fps: 25, background: '#00ff00', still_seconds: 0.6 },
    });
    assert.deepEqual([first.status['succeeded'], first.status['failed']], [1, 1]);
    server.set('/late.png', { body: still });
    const { renders } = await host.retry(first.id);
    const [made, retried] = [first.renders[0], renders[0]];
    assert.deepEqual([made?.duration_seconds, retried?.duration_seconds], [0.6, 0.6]);
    const videos = [made, retried].map((render) => join(host.outputDir, 'stills', String(render?.file_name)));
    const [one, other] = await Promise.all(videos.map(corner));
    assert.deepEqual(other, one);
    assert.ok((other?.[1] ?? 0) > 220 && (other?.[0] ?? 255) < 30, `bars of ${other}`);
  });

  test('that fails again is retried as its own task, with the names of the first', async () => {
    await using server = await startSourceServer({ '/red.mp4': { body: red } });
    const first = await host.run({
      task_name: 'again',
      video_blocks: { a: [server.url('/red.mp4'), server.url('/gone.mp4')] },
    });
    const second = await host.retry(first.id);
    assert.deepEqual([second.status['succeeded'], second.status['failed']], [0, 1]);
    server.set('/gone.mp4', { body: blue });
    const third = await host.retry(second.id);
    assert.deepEqual([third.status['succeeded'], third.status['retry_of']], [1, second.id]);
    assert.deepEqual(await files('again', '.mp4'), first.renders.map(({ file_name }) => file_name).sort());
  });

  test('of a task without a single video takes its format from the first clip that is readable now', async () => {
    await using server = await startSourceServer({ '/clip.mp4': { body: sound } });
    const first = await host.run({ task_name: 'repaired', video_blocks: { a: [server.url('/clip.mp4')] } });
    assert.equal(first.renders[0]?.error?.code, 'no_video');
    server.set('/clip.mp4', { body: blue });
    const { renders } = await host.retry(first.id);
    const file = join(host.outputDir, 'repaired', renders[0]?.file_name as string);
    assert.equal(await dimensions(file), '160x90');
  });
});
