import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createDiskArtifacts } from '../../functions/adapters/disk/artifacts.ts';
import { createSqliteAttempts } from '../../functions/adapters/sqlite/attempts.ts';
import { createSqliteLeases } from '../../functions/adapters/sqlite/leases.ts';
import { openDatabase } from '../../functions/adapters/sqlite/sqlite.ts';
import { createArtifacts, disposeOf } from '../../functions/pipeline/artifacts.ts';
import type { Artifact, ArtifactStore } from '../../functions/ports/artifacts.ts';
import { TIMEOUT_MS } from '../contracts/harness.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

const { signal } = new AbortController();
const KEYS = ['clip/b', 'clip/a', 'clip/c'];

class Died extends Error {}

/** Artifacts that are made together, by processes that die when they have stored so many of them. */
async function prepared() {
  await using started = new AsyncDisposableStack();
  const dir = started.use(await tempDir());
  const database = started.use(openDatabase(join(dir.path, 'leases.sqlite')));
  const disk = createDiskArtifacts({ dir: join(dir.path, 'artifacts'), maxBytes: 2 ** 30 });
  const made: string[][] = [];
  const process = (diesAfter = Number.POSITIVE_INFINITY) => {
    let left = diesAfter;
    const store: ArtifactStore = {
      open: (key) => disk.open(key),
      async put(key, from, meta) {
        if (left-- === 0) throw new Died();
        return disk.put(key, from, meta);
      },
    };
    const leases = createSqliteLeases({ database });
    const attempts = createSqliteAttempts({ database });
    return createArtifacts({ store, leases, attempts, tempDir: join(dir.path, 'tmp') });
  };
  const make = async (dirs: ReadonlyMap<number, string>) => {
    made.push([...dirs.keys()].map((place) => KEYS[place] as string));
    for (const [place, into] of dirs) await writeFile(join(into, 'clip.mp4'), `picture ${KEYS[place]}`);
    return { frames: 7 };
  };
  const running = started.move();
  return {
    made,
    make,
    process,
    stored: async () => {
      const found = await Promise.all(KEYS.map((key) => disk.open(key)));
      disposeOf(found.filter((artifact) => artifact !== undefined));
      return KEYS.filter((_, place) => found[place] !== undefined);
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

async function assertComplete(artifacts: readonly Artifact<{ frames: number }>[]): Promise<void> {
  for (const [place, artifact] of artifacts.entries()) {
    assert.equal(artifact.key, KEYS[place]);
    assert.deepEqual(artifact.meta, { frames: 7 });
    assert.equal(await readFile(artifact.path('clip.mp4'), 'utf8'), `picture ${KEYS[place]}`);
  }
  assert.equal(artifacts.length, KEYS.length);
  disposeOf(artifacts);
}

describe('artifacts that are made together', { timeout: TIMEOUT_MS }, () => {
  test('are made by one call, and found by the next', async () => {
    await using scene = await prepared();
    const { made, make, process } = scene;
    for (let time = 0; time < 2; time++) {
      await assertComplete(await process().getOrCreateAll(KEYS, make, { signal }));
    }
    assert.deepEqual(made, [KEYS]);
  });

  for (let puts = 0; puts < KEYS.length; puts++) {
    test(`are complete if the first process dies after it has stored ${puts} of them`, async () => {
      await using scene = await prepared();
      const { made, make, process, stored } = scene;
      await assert.rejects(process(puts).getOrCreateAll(KEYS, make, { signal }), Died);
      const left = await stored();
      assert.equal(left.length, puts);
      // Whoever waits for the one whose lease is held finds all others as soon as it is there.
      assert.ok(!left.includes('clip/a'));
      await assertComplete(await process().getOrCreateAll(KEYS, make, { signal }));
      assert.deepEqual(
        made.at(-1),
        KEYS.filter((key) => !left.includes(key)),
      );
    });
  }

  test('are found by whoever needs one of them alone, and the other way round', async () => {
    await using scene = await prepared();
    const { made, make, process } = scene;
    const artifacts = process();
    const [, one] = KEYS as [string, string, string];
    (
      await artifacts.getOrCreate(
        one,
        async (dir) => {
          await writeFile(join(dir, 'clip.mp4'), `picture ${one}`);
          return { frames: 7 };
        },
        { signal },
      )
    )[Symbol.dispose]();
    await assertComplete(await artifacts.getOrCreateAll(KEYS, make, { signal }));
    assert.deepEqual(made, [KEYS.filter((key) => key !== one)]);
    const never = () => Promise.reject(new Error('Expected it to be found'));
    (await artifacts.getOrCreate(KEYS[2] as string, never, { signal }))[Symbol.dispose]();
  });

  test('are made once by tasks that need them at the same time, in any order', async () => {
    await using scene = await prepared();
    const { made, make, process } = scene;
    const other = (dirs: ReadonlyMap<number, string>) =>
      make(new Map([...dirs].map(([place, dir]) => [KEYS.length - 1 - place, dir])));
    const [some, more] = await Promise.all([
      process().getOrCreateAll(KEYS, make, { signal }),
      process().getOrCreateAll(KEYS.toReversed(), other, { signal }),
    ]);
    await assertComplete(some);
    await assertComplete(more.toReversed());
    assert.equal(made.length, 1);
  });
});
