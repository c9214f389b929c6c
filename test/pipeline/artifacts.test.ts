import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createDiskArtifacts } from '../../functions/adapters/disk/artifacts.ts';
import { createSqliteAttempts } from '../../functions/adapters/sqlite/attempts.ts';
import { createSqliteLeases } from '../../functions/adapters/sqlite/leases.ts';
import { openDatabase } from '../../functions/adapters/sqlite/sqlite.ts';
import { PermanentError, TransientError } from '../../functions/base/errors.ts';
import { createArtifacts } from '../../functions/pipeline/artifacts.ts';
import type { ArtifactStore } from '../../functions/ports/artifacts.ts';
import { TIMEOUT_MS, until } from '../contracts/harness.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

const FOREVER = new AbortController().signal;
const AWAY = new TransientError('platform_unavailable', 'Expected the bucket to answer, got 503.');

/** Artifacts on a store whose calls may be made to fail; `calls` counts all of them. */
async function prepared({ retryMs }: { retryMs?: number } = {}) {
  await using started = new AsyncDisposableStack();
  const dir = started.use(await tempDir());
  const database = started.use(openDatabase(join(dir.path, 'leases.sqlite')));
  const disk = createDiskArtifacts({ dir: join(dir.path, 'artifacts'), maxBytes: 2 ** 30 });
  const calls = { open: 0, put: 0, make: 0 };
  const failing: { open: Error[]; put: Error[] } = { open: [], put: [] };
  const store: ArtifactStore = {
    async open(key) {
      calls.open += 1;
      const error = failing.open.shift();
      if (error !== undefined) throw error;
      return disk.open(key);
    },
    async put(key, from, meta) {
      calls.put += 1;
      const error = failing.put.shift();
      if (error !== undefined) throw error;
      return disk.put(key, from, meta);
    },
  };
  const artifacts = createArtifacts({
    store,
    leases: createSqliteLeases({ database }),
    attempts: createSqliteAttempts({ database }),
    tempDir: join(dir.path, 'tmp'),
    ...(retryMs === undefined ? {} : { retryMs }),
  });
  const running = started.move();
  return {
    artifacts,
    calls,
    failing,
    async make(into: string) {
      calls.make += 1;
      await writeFile(join(into, 'clip.mp4'), 'picture');
      return { frames: 7 };
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

describe('artifacts in a store that is unavailable for a moment', { timeout: TIMEOUT_MS }, () => {
  test('are made once and stored by the same delivery', async () => {
    await using scene = await prepared();
    scene.failing.put.push(AWAY, AWAY);
    using made = await scene.artifacts.getOrCreate('clip/key', scene.make, { signal: FOREVER });
    assert.deepEqual(made.meta, { frames: 7 });
    assert.deepEqual([scene.calls.make, scene.calls.put], [1, 3]);
  });

  test('are opened by the same delivery, and not made again', async () => {
    await using scene = await prepared();
    (await scene.artifacts.getOrCreate('clip/key', scene.make, { signal: FOREVER }))[Symbol.dispose]();
    scene.failing.open.push(AWAY);
    using opened = await scene.artifacts.open('clip/key', FOREVER);
    assert.deepEqual(opened?.meta, { frames: 7 });
    scene.failing.open.push(AWAY);
    using found = await scene.artifacts.getOrCreate('clip/key', scene.make, { signal: FOREVER });
    assert.deepEqual(found.meta, { frames: 7 });
    assert.equal(scene.calls.make, 1);
  });

  test('fail with the error of the store if it stays unavailable', async () => {
    await using scene = await prepared({ retryMs: 0 });
    scene.failing.put.push(AWAY);
    await assert.rejects(scene.artifacts.getOrCreate('clip/key', scene.make, { signal: FOREVER }), AWAY);
    scene.failing.open.push(AWAY);
    await assert.rejects(scene.artifacts.open('clip/key', FOREVER), AWAY);
    assert.deepEqual([scene.calls.make, scene.calls.put], [1, 1]);
  });

  test('are not requested again if the store refuses', async () => {
    await using scene = await prepared();
    const refusal = new PermanentError('cache_failed', 'save', 'Expected to use the bucket, got 403.');
    scene.failing.open.push(refusal);
    await assert.rejects(scene.artifacts.open('clip/key', FOREVER), refusal);
    assert.equal(scene.calls.open, 1);
    scene.failing.put.push(refusal);
    await assert.rejects(scene.artifacts.getOrCreate('clip/key', scene.make, { signal: FOREVER }), refusal);
    assert.equal(scene.calls.put, 1);
  });

  for (const paid of [false, true]) {
    test(`${paid ? 'that were paid for are stored even if' : 'are given up at once when'} their task is cancelled`, async () => {
      await using scene = await prepared();
      scene.failing.put.push(AWAY);
      const task = new AbortController();
      const making = scene.artifacts.getOrCreate('clip/key', scene.make, {
        signal: task.signal,
        ...(paid ? { paid: { stop: FOREVER } } : {}),
      });
      const ended = making.then(
        (artifact) => artifact[Symbol.dispose](),
        (error: unknown) => error,
      );
      await until(() => scene.calls.put === 1, 'the first try');
      const cancel = new TransientError('cancelled', 'The task was cancelled.');
      task.abort(cancel);
      const end = await ended;
      if (!paid) assert.equal(end, cancel);
      assert.equal(scene.calls.put, paid ? 2 : 1);
      using kept = await scene.artifacts.open('clip/key', FOREVER);
      assert.equal(kept !== undefined, paid);
    });
  }

  test('that were paid for are tried once, and do not hold up the stop of the host', async () => {
    await using scene = await prepared();
    scene.failing.put.push(AWAY);
    const reason = new Error('The host stops');
    const options = { signal: FOREVER, paid: { stop: AbortSignal.abort(reason) } };
    await assert.rejects(scene.artifacts.getOrCreate('clip/key', scene.make, options), reason);
    assert.equal(scene.calls.put, 1);
  });
});

describe('an artifact that another process makes', { timeout: TIMEOUT_MS }, () => {
  test('is waited for; one that nobody makes is not', async () => {
    await using scene = await prepared();
    assert.equal(await scene.artifacts.madeElsewhere('clip/key', FOREVER), undefined);
    const begun = Promise.withResolvers<void>();
    const end = Promise.withResolvers<void>();
    const making = scene.artifacts.getOrCreate(
      'clip/key',
      async (into) => {
        begun.resolve();
        await end.promise;
        return scene.make(into);
      },
      { signal: FOREVER },
    );
    await begun.promise;
    const waiting = scene.artifacts.madeElsewhere<{ frames: number }>('clip/key', FOREVER);
    const { open } = scene.calls;
    await until(() => scene.calls.open > open, 'a look');
    end.resolve();
    (await making)[Symbol.dispose]();
    using found = await waiting;
    assert.deepEqual(found?.meta, { frames: 7 });
    assert.equal(scene.calls.make, 1);
  });
});
