/** A whole task with targets: its status, its renders and its manifests say how each video does for each platform. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { TargetCounts, TargetView } from '../../functions/model/answers/targets.ts';
import { TARGET_LIMITS } from '../../functions/model/target-limits.ts';
import { TARGETS, type Target } from '../../functions/model/targets.ts';
import { type Ended, type Json, startTestHost, type TestHost } from '../fixtures/hosts/host.ts';
import { ffmpeg, makeClip, makeTrack } from '../fixtures/media/finished.ts';
import { type SourceServer, startSourceServer } from '../fixtures/network/source-server.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';

interface Row {
  index: number;
  status: string;
  url: string | null;
  targets: TargetView[];
}

describe('a task with targets', () => {
  let dir: TempDir;
  let server: SourceServer;
  let host: TestHost;
  let task: Ended;
  let accepted: Json;
  let rows: Row[];

  before(async () => {
    dir = await tempDir();
    const long = join(dir.path, 'long.mp4');
    await makeClip(long, { colour: 'red', frames: 25 * 4, rate: '25', size: '270x480' });
    const short = join(dir.path, 'short.mp4');
    await makeClip(short, { colour: 'blue', frames: 25, rate: '25', size: '270x480' });
    server = await startSourceServer({
      '/long': { body: await readFile(long) },
      '/short': { body: await readFile(short) },
      '/song': { body: await readFile(await makeTrack(join(dir.path, 'song.mp3'), 2)) },
    });
    host = await startTestHost(dir.path);
    ({ body: accepted } = await host.post({
      task_name: 'for platforms',
      video_blocks: { one: [server.url('/long'), server.url('/short'), server.url('/gone')] },
      audio_blocks: { music: [server.url('/song')] },
      output: { width: 540, height: 960, fps: 25 },
      targets: ['tiktok', 'reels', 'demand_gen', 'shorts'],
    }));
    task = await host.end(String(accepted['task_id']));
    rows = ((await host.get(`/tasks/${task.id}/manifest.json`)) as unknown as { renders: Row[] }).renders;
  });

  after(async () => {
    await host?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  const viewOf = (row: Row | undefined, target: Target) =>
    row?.targets.find((view) => view.target === target) as TargetView;
  const notPassed = (row: Row | undefined, target: Target) =>
    Object.fromEntries(viewOf(row, target).checks.map(({ id, result }) => [id, result]));

  test('shows every check of every target, with what the file really has', async () => {
    const [long, short] = rows;
    assert.deepEqual(
      long?.targets.map(({ target }) => target),
      TARGETS,
    );
    for (const target of TARGETS) {
      const { passed, checks } = viewOf(long, target);
      const ids = TARGET_LIMITS[target].rules.map(({ id }) => id);
      assert.deepEqual([...passed, ...checks.map(({ id }) => id)].sort(), ids.toSorted(), target);
    }
    for (const id of [
      'edit_lists',
      'index_first',
      'codec',
      'chroma',
      'progressive',
      'fps',
      'length',
      'sample_rate',
    ])
      assert.ok(
        viewOf(long, 'reels').passed.some((name) => name === id),
        id,
      );
    assert.ok(viewOf(long, 'tiktok').passed.includes('sound'));
    assert.equal(notPassed(long, 'reels')['loudness'], undefined);
    assert.equal(notPassed(long, 'demand_gen')['length'], 'missed');
    assert.equal(notPassed(long, 'demand_gen')['size'], 'note');
    assert.deepEqual(
      viewOf(short, 'reels').checks.find(({ id }) => id === 'length'),
      {
        id: 'length',
        result: 'missed',
        expected: '3 to 900 s',
        found: '1 s',
        hint: 'Send longer clips, or more blocks.',
      },
    );
    // By ffmpeg: bytes of the copied picture over its length.
    const video = (
      await ffmpeg('-i', fileURLToPath(long?.url ?? ''), '-map', '0:v', '-c', 'copy', '-f', 'data', '-')
    ).length;
    const bitrate = viewOf(long, 'tiktok').checks.find(({ id }) => id === 'bitrate_advice');
    assert.equal(bitrate?.found, `${Math.round((8 * video) / 4) / 1_000} kbit/s`);
  });

  test('takes the worst check as the result, and counts the results in the status', async () => {
    assert.deepEqual(
      rows.map(({ status, targets }) => [status, targets.find(({ target }) => target === 'reels')?.result]),
      [
        ['succeeded', 'note'],
        ['succeeded', 'missed'],
        ['failed', undefined],
      ],
    );
    const counts = task.status['targets'] as TargetCounts[];
    assert.deepEqual(
      counts.map(({ target }) => target),
      TARGETS,
    );
    for (const { target, ...count } of counts) {
      const results = rows.flatMap(({ targets }) => targets).filter((view) => view.target === target);
      const of = (result: string) => results.filter((view) => view.result === result).length;
      assert.deepEqual(count, { pass: of('pass'), note: of('note'), missed: of('missed') });
      assert.equal(count.pass + count.note + count.missed, 2);
    }
  });

  test('shows the same in its renders and in the files of its folder', async () => {
    const listed = task.renders as unknown as Row[];
    assert.deepEqual(
      listed.map(({ targets }) => targets),
      rows.map(({ targets }) => targets),
    );
    const single = (await host.get(`/tasks/${task.id}/renders/2`)) as unknown as Row;
    assert.deepEqual(single.targets, rows[1]?.targets);
    const folder = join(host.outputDir, 'for platforms');
    const [csv = ''] = (await readdir(folder)).filter((name) => name.endsWith('.csv'));
    const [, , second = ''] = (await readFile(join(folder, csv), 'utf8')).split('\r\n');
    assert.match(second, /"?reels: missed \(length\); tiktok: missed \(bitrate\); shorts: note \(/);
    assert.match(second, /; demand_gen: missed \(length\)/);
  });

  test('is retried with its targets', async () => {
    const again = await host.retry(task.id);
    assert.deepEqual(
      again.status['targets'],
      TARGETS.map((target) => ({ target, pass: 0, note: 0, missed: 0 })),
    );
  });

  test('is warned of what is known to be missed before anything is made', async () => {
    assert.deepEqual(accepted['warnings'], []);
    const { body, status } = await host.post({
      task_name: 'warned',
      video_blocks: { one: [server.url('/short')] },
      output: { width: 640, height: 360, edit_lists: true },
      targets: ['reels', 'tiktok', 'shorts'],
      dry_run: true,
    });
    assert.equal(status, 200, JSON.stringify(body));
    const warned = (body['warnings'] as string[]).filter((text) => text.startsWith('Target '));
    assert.deepEqual(
      warned.map((text) => /^Target (\w+) will miss (\w+):/.exec(text)?.slice(1).join(' ')),
      ['reels edit_lists', 'tiktok size', 'tiktok sound', 'shorts edit_lists', 'shorts aspect_ratio'],
    );
  });

  test('differs from one without, which has none in its status, its renders and its manifest', async () => {
    const plain = await host.run({ task_name: 'plain', video_blocks: { one: [server.url('/short')] } });
    const manifest = await host.get(`/tasks/${plain.id}/manifest.json`);
    const [listed] = plain.renders as unknown as Row[];
    const [row] = manifest['renders'] as Row[];
    assert.deepEqual(
      [listed?.status, plain.status['targets'], listed?.targets, row?.targets],
      ['succeeded', [], [], []],
    );
  });
});
