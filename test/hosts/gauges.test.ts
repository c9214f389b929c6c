/** What /metrics and /stats of a host say of work that is under way: it hangs, so that the numbers stay what they are. */
import assert from 'node:assert/strict';
import { mkdir, rename, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { until } from '../contracts/harness.ts';
import type { Json } from '../fixtures/hosts/host.ts';
import { place, SKIP, startSale } from '../fixtures/hosts/restarting.ts';
import { makeClip } from '../fixtures/media/finished.ts';
import { startSourceServer } from '../fixtures/network/source-server.ts';

/** Values by name and labels, as `name{label="value"}`. */
type Series = ReadonlyMap<string, number>;

async function scraped(url: string): Promise<Series> {
  const answer = await fetch(`${url}/metrics`);
  assert.equal(answer.status, 200);
  const lines = (await answer.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.replace(/ \S+$/, ''), Number(/\S+$/.exec(line)?.[0])]));
}

describe('the gauges of a host', { skip: SKIP }, () => {
  test('show queue, tasks, places, cache, disks and process while work is under way, and without a disk', async () => {
    await using sale = await startSale();
    await using on = await place();
    const clip = await makeClip(join(on.path, 'own.mp4'), { colour: 'cyan', frames: 9 });
    await using sources = await startSourceServer({
      '/own.mp4': { body: clip },
      '/stalls.mp4': { body: clip, always: { does: 'stall' } },
    });
    const host = on.start();
    await host.started();
    const url = String(host.logged('host.started')[0]?.['url']);

    // Two mixers, an encoder and a download that do not end.
    await on.ffmpeg.hang('mix');
    const first = await host.post(sale.request);
    await until(async () => (await host.status(first))['prepared'] === 3, 'all its clips');
    await on.ffmpeg.hanging(2);
    await on.ffmpeg.hang('conform');
    const output = { width: 64, height: 64, fps: 30 };
    await host.post({ task_name: 'own', video_blocks: { only: [sources.url('/own.mp4')] }, output });
    await on.ffmpeg.hanging(3);
    await host.post({ task_name: 'stalls', video_blocks: { only: [sources.url('/stalls.mp4')] }, output });
    await until(() => sources.count('/stalls.mp4') === 1, 'a download');

    let series: Series = new Map();
    const of = (name: string, labels: Record<string, string> = {}): number | undefined => {
      const list = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
      return series.get(list.length === 0 ? name : `${name}{${list.join(',')}}`);
    };
    const depth = (topic: string, state: string) =>
      of('every_cut_queue_depth', { messaging_destination_name: topic, every_cut_queue_state: state });
    const age = (topic: string) =>
      of('every_cut_queue_oldest_age_seconds', { messaging_destination_name: topic });
    const used = (name: string) => of('every_cut_places_used', { every_cut_place: name });
    const limit = (name: string) => of('every_cut_places_limit', { every_cut_place: name });
    const disk = (folder: string, state: string) =>
      of('system_filesystem_usage_bytes', { every_cut_folder: folder, system_filesystem_state: state });

    // Renders of the other tasks are acknowledged, as their sources are not ready.
    await until(async () => {
      series = await scraped(url);
      return depth('render', 'in_flight') === 8 && depth('render', 'waiting') === 0;
    }, 'messages that have begun');
    assert.deepEqual([depth('prepare', 'in_flight'), depth('prepare', 'waiting')], [2, 0]);
    assert.deepEqual(
      ['waiting', 'in_flight', 'quarantined'].map((state) => depth('dead-letter', state)),
      [0, 0, 0],
    );
    assert.ok((age('render') ?? 0) > 0 && (age('prepare') ?? 0) > 0);
    assert.equal(age('complete'), 0);
    assert.equal(of('every_cut_tasks_running'), 3);
    assert.deepEqual(
      ['downloader', 'prober', 'decoder', 'encoder', 'mixer', 'saver'].map(used),
      [1, 0, 0, 1, 2, 0],
    );
    assert.deepEqual([limit('mixer'), limit('saver'), limit('downloader')], [2, 8, 96]);
    for (const name of ['prober', 'decoder', 'encoder']) assert.ok((limit(name) ?? 0) >= 1, name);
    assert.ok((of('every_cut_cache_usage_bytes') ?? 0) > 0);
    assert.equal(of('every_cut_cache_limit_bytes'), 10_240 * 2 ** 20);
    const { blocks, bsize } = await statfs(host.dataDir);
    for (const folder of ['data', 'output']) {
      assert.equal((disk(folder, 'used') ?? 0) + (disk(folder, 'free') ?? 0), blocks * bsize, folder);
    }
    assert.ok((of('process_memory_usage_bytes') ?? 0) > 30 * 2 ** 20);
    assert.ok((of('process_cpu_time_seconds_total', { cpu_mode: 'user' }) ?? 0) > 0);
    assert.ok((of('process_uptime_seconds') ?? 0) > 0);
    await until(async () => {
      series = await scraped(url);
      return of('nodejs_eventloop_delay_p99_seconds') !== undefined;
    }, 'a delay of timers');

    const stats = (await (await fetch(`${url}/stats`)).json()) as Record<string, Record<string, Json>>;
    assert.deepEqual(stats['tasks'], {
      ...{ unfinished: 3, queued: 0, preparing: 2, rendering: 1, cancelling: 0 },
    });
    assert.deepEqual(
      ['downloaders', 'probers', 'decoders', 'encoders', 'mixers', 'savers'].map(
        (name) => stats['places']?.[name]?.['used'],
      ),
      [1, 0, 0, 1, 2, 0],
    );
    assert.equal(stats['queue']?.['render']?.['in_flight'], 8);

    // As if the disk of the videos were taken away.
    await rename(join(on.path, 'output'), join(on.path, 'away'));
    series = await scraped(url);
    assert.deepEqual([disk('output', 'free'), disk('output', 'used')], [undefined, undefined]);
    assert.ok((disk('data', 'free') ?? 0) > 0);
    assert.equal(used('mixer'), 2);
    await mkdir(join(on.path, 'output'));
    series = await scraped(url);
    assert.ok((disk('output', 'free') ?? 0) > 0);
  });
});
