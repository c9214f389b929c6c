import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { type CostTask, costOf, FUNCTIONS, keepingVideos, totalOf } from './model.ts';
import { PEERS } from './prices.ts';
import { ownTable, peerTable } from './tables.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const TASK: CostTask = {
  clips: 10,
  clipSeconds: 10,
  tracks: 1,
  lines: 1,
  videos: 100,
  videoSeconds: 30,
  output: 'storage',
};

/** Dollars by hand, for TASK. */
const BY_HAND: Readonly<Record<string, number>> = {
  // 100 s of clips x 0.87 and six starts of 1.7 s are 97.2 s of two processors and 4 GiB: 0.000058 a second.
  prepare: 97.2 * 0.000_058,
  // 100 x 0.5 s and five starts are 58.5 s of one processor and 2 GiB: 0.000029 a second.
  render: 58.5 * 0.000_029,
  // 2 s and a start, of 0.333 processors and half a GiB.
  complete: 3.7 * 0.000_009_242,
  'process-media': 2.7 * 0.000_025_25,
  // The request, 24 pushes of 12 sources, 250 of renders and one of the completion.
  'requests to Cloud Run': 276 * 0.000_000_4,
  // 275 messages, published and pushed, as 1,000 bytes each, of 1,099,511,627,776 for $40.
  'Pub/Sub: published and pushed': (550_000 * 40) / 1_099_511_627_776,
  // 100 x 14 and 12 x 45.
  'Firestore: reads': 1_940 * 0.000_000_3,
  // 100 x 4 and 12 x 17.
  'Firestore: writes': 604 * 0.000_000_9,
  // As `npm run bench -- storage` counts: three of each of 10 clips, two each of the track and the line, a soundtrack,
  // 100 videos, their folder and two manifests.
  'Storage: writes': 138 * 0.000_005,
  // 12 sources and the soundtrack by five instances, and 10 clips once more.
  'Storage: reads': 75 * 0.000_000_4,
  // Three times 100 s of 2 MB; 6.4, 0.27 and 30 x 0.025 MB.
  'cache kept for a month': 0.607_42 * 0.02,
};

describe('the costs of a task', () => {
  test('are what one gets by hand, item by item', () => {
    const items = costOf(TASK);
    assert.deepEqual(
      items.map(({ name }) => name),
      Object.keys(BY_HAND),
    );
    for (const { name, dollars } of items)
      assert.ok(Math.abs(dollars - (BY_HAND[name] ?? 0)) < 1e-9, `${name}: ${dollars}`);
    const sum = Object.values(BY_HAND).reduce((one, other) => one + other, 0);
    assert.ok(Math.abs(totalOf(items) - sum) < 1e-9);
  });

  test('on Drive are two reads and a write more per video, and nothing in Storage for videos', () => {
    const items = new Map(costOf({ ...TASK, output: 'drive' }).map((item) => [item.name, item.quantity]));
    assert.equal(items.get('Firestore: reads'), 2_140);
    assert.equal(items.get('Firestore: writes'), 704);
    assert.equal(items.get('Storage: writes'), 35);
    assert.equal(keepingVideos({ ...TASK, output: 'drive' }).dollars, 0);
    // 100 videos of 30 s and 2 MB a second are 6 GB.
    assert.ok(Math.abs(keepingVideos(TASK).dollars - 0.12) < 1e-9);
  });

  test('grow with each clip by the same, which is more than a video adds', () => {
    const total = (change: Partial<CostTask>) => totalOf(costOf({ ...TASK, ...change }));
    const clip = total({ clips: 11 }) - total({ clips: 10 });
    const video = total({ videos: 101 }) - total({ videos: 100 });
    assert.ok(Math.abs(total({ clips: 40 }) - total({ clips: 10 }) - 30 * clip) < 1e-9);
    assert.ok(clip > 10 * video && video > 0, `${clip} and ${video}`);
    // Twice the length is twice the seconds of prepare and the bytes that are kept.
    const longer = total({ clipSeconds: 20 }) - total({});
    assert.ok(Math.abs(longer - (87 * 0.000_058 + 0.6 * 0.02)) < 1e-9, String(longer));
  });

  test('per video fall with their number, far below the cheapest price that is published', () => {
    const perMinute = (videos: number) =>
      totalOf(costOf({ ...TASK, videos })) / ((videos * TASK.videoSeconds) / 60);
    assert.ok(perMinute(1_000) < perMinute(100));
    const cheapest = Math.min(...PEERS.map(({ perMinute: [least] }) => least));
    assert.ok(perMinute(1_000) * 10 < cheapest, `${perMinute(1_000)} and ${cheapest}`);
  });

  test('are of instances as they are deployed', () => {
    const shared = readFileSync(join(ROOT, 'infra/cloud/shared.sh'), 'utf8');
    const deployed = (service: string) => {
      const [, memory = '', cpu = ''] =
        new RegExp(String.raw`^${service} +\w+ +\w+ +(\w+) +(\w+) `, 'm').exec(shared) ?? [];
      return {
        gib: memory.endsWith('Mi') ? Number.parseInt(memory, 10) / 1024 : Number.parseInt(memory, 10),
        processors: cpu.endsWith('m') ? Number.parseInt(cpu, 10) / 1000 : Number(cpu),
        instances: Number(
          new RegExp(`instances ${service.toUpperCase()}_INSTANCES (\\d+)`).exec(shared)?.[1] ?? 1,
        ),
      };
    };
    assert.deepEqual(deployed('prepare'), FUNCTIONS.prepare);
    assert.deepEqual(deployed('render'), FUNCTIONS.render);
    assert.deepEqual(deployed('complete'), FUNCTIONS.complete);
    assert.deepEqual(deployed('process-media'), FUNCTIONS.processMedia);
  });

  test('are in infra/README.md as `npm run bench -- costs` prints them, with where prices of others are from', () => {
    const readme = readFileSync(join(ROOT, 'infra/README.md'), 'utf8');
    assert.ok(readme.includes(ownTable()), ownTable());
    assert.ok(readme.includes(peerTable()), peerTable());
    for (const { source } of PEERS) assert.ok(readme.includes(`](${source})`), source);
  });
});
