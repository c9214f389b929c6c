import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { createLog } from '../../functions/base/log.ts';
import { loadConfig } from '../../functions/config/config.ts';
import { NO_INSTRUMENTATION } from '../../functions/hosts/instrumentation.ts';
import { startHost } from '../../functions/hosts/local.ts';
import type { Artifacts } from '../../functions/pipeline/artifacts.ts';
import { remakeHere, remakeInPrepare } from '../../functions/pipeline/remake.ts';
import type { Artifact, ArtifactStore } from '../../functions/ports/artifacts.ts';
import { prepare } from '../../functions/stages/prepare.ts';
import { until } from '../contracts/harness.ts';
import type { Json } from '../fixtures/hosts/host.ts';
import { DELIVERY, useStages } from '../fixtures/hosts/stages.ts';
import { makeClip } from '../fixtures/media/finished.ts';

/** A store in which there is room only for what is open: the worst that a small CACHE_MAX_MB can do. */
function crowded(store: ArtifactStore, made: string[], most: number): ArtifactStore {
  const holders = new Map<string, number>();
  const left = (key: string, change: number) => {
    holders.set(key, (holders.get(key) ?? 0) + change);
    return holders.get(key);
  };
  const held = <M>(key: string, artifact: Artifact<M> | undefined): Artifact<M> | undefined => {
    if (artifact === undefined) {
      left(key, -1);
      return undefined;
    }
    const folder = dirname(artifact.path(artifact.files[0] as string));
    return {
      ...artifact,
      [Symbol.dispose]() {
        artifact[Symbol.dispose]();
        if (left(key, -1) === 0) rmSync(folder, { recursive: true, force: true });
      },
    };
  };
  return {
    async open<M>(key: string) {
      left(key, 1);
      return held(key, await store.open<M>(key));
    },
    async put<M>(key: string, dir: string, meta: M) {
      made.push(key);
      if (made.length > most) throw new Error(`Made ${most} artifacts, and no end of it`);
      left(key, 1);
      return held(key, await store.put(key, dir, meta)) as Artifact<M>;
    },
  };
}

describe('prepared clips that are evicted before they are used', { timeout: 120_000 }, () => {
  const s = useStages();

  test('are made again by each render on one machine, and all videos are made', async () => {
    const paths = ['red', 'green', 'blue'] as const;
    for (const colour of paths) {
      const clip = await makeClip(join(s.media.path, `${colour}-small.mp4`), { colour });
      s.server.set(`/${colour}.mp4`, { body: await readFile(clip) });
    }
    const [a, b, c] = paths.map((colour) => s.server.url(`/${colour}.mp4`));
    const made: string[] = [];
    const lines: Json[] = [];
    const log = createLog({
      level: 'info',
      pretty: false,
      write: (line) => lines.push(JSON.parse(line) as Json),
    });
    const config = loadConfig({
      PORT: '0',
      DATA_DIR: join(s.dir.path, 'small'),
      OUTPUT_DIR: join(s.dir.path, 'small-output'),
      RENDER_CONCURRENCY: '2',
    });
    const host = await startHost(config, log, {
      ...NO_INSTRUMENTATION,
      adapters: (adapters) => ({ ...adapters, artifacts: crowded(adapters.artifacts, made, 60) }),
    });
    try {
      const answer = await fetch(`${host.url}/process_media`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ task_name: 'crowded', video_blocks: { hooks: [a, b], ctas: [c] } }),
      });
      assert.equal(answer.status, 202, await answer.text());
      const ended = () => lines.find(({ event }) => event === 'task.completed');
      await until(() => ended() !== undefined, 'the end of the task');
      assert.deepEqual([ended()?.['succeeded'], ended()?.['failed']], [2, 0]);
      const clips = made.filter((key) => key.startsWith('clip/')).length;
      // Each once to see whether it can be copied, once when that was decided, and once for each video with it.
      assert.ok(clips <= 3 + 3 + 2 * 2, `${clips} clips made`);
      const remade = lines.filter(({ event }) => event === 'source.remade');
      assert.ok(remade.length > 0 && remade.length <= 3, 'a line for each clip, not for each video');
      // Nothing was removed by the service itself.
      assert.match(String(remade[0]?.['message']), /is made again: it is gone\.$/);
    } finally {
      await host.stop();
    }
  });

  test('are logged with what to do only if there was no room for them', async () => {
    const task = await s.createTask({ clips: ['/a.mp4', '/b.mp4'] });
    const lines: string[] = [];
    const log = createLog({ level: 'info', pretty: false, write: (line) => lines.push(line) });
    const remake = remakeHere({
      sources: { ...s.deps.sources, opened: async () => Promise.reject(new Error('not made')) },
      wasEvicted: (key) => key === 'evicted',
      log,
    });
    const signals = { ...DELIVERY, stop: DELIVERY.signal };
    for (const [number, key] of ['evicted', 'gone'].entries()) {
      await assert.rejects(remake(task, { number, format: 0, key }, signals), /not made/);
    }
    assert.match(lines[0] ?? '', /removed to make room\. Raise CACHE_MAX_MB/);
    assert.match(lines[1] ?? '', /it is gone\."/);
  });

  test('fail in the cloud after five times in an hour, with what to do', async () => {
    const task = await s.createTask({ clips: ['/a.mp4'] });
    await s.prepareAll(task);
    let made = 0;
    const open: Artifacts['open'] = async (key, signal) =>
      key.startsWith('clip/') ? undefined : s.deps.artifacts.open(key, signal);
    const lost: Artifacts = { ...s.deps.artifacts, open, look: open };
    const sources = {
      ...s.deps.sources,
      ready: (...args: Parameters<typeof s.deps.sources.ready>) => {
        made += 1;
        return s.deps.sources.ready(...args);
      },
    };
    const deps = {
      ...s.deps,
      artifacts: lost,
      sources,
      remake: remakeInPrepare({ ...s.deps, artifacts: lost }),
    };
    for (let round = 0; round < 20; round++) {
      const [report] = await s.deps.reports.list(task.id, 1, 1);
      if (report !== undefined) break;
      await s
        .renderOne(task, 1, deps)
        .catch((error: unknown) => assert.equal((error as Json)['code'], 'waiting'));
      await prepare({ topic: 'prepare', taskId: task.id, source: 0 }, DELIVERY, deps);
      s.local.endRests();
    }
    const [report] = await s.deps.reports.list(task.id, 1, 1);
    assert.equal(report?.error?.code, 'cache_failed');
    assert.match(report.error.message, /CACHE_MAX_MB/);
    assert.equal(made, 5);
  });
});
