import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Artifact, ArtifactStore } from '../../functions/ports/artifacts.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';
import { type ContractOptions, type Harness, numbers, TIMEOUT_MS } from './harness.ts';

export interface ArtifactHarness extends Harness<ArtifactStore> {
  /** Changes bytes of a stored file behind the store's back, without changing its length. */
  corrupt(key: string, fileName: string): Promise<void>;
}

export interface ArtifactLimits {
  /** Limit for artifacts on this machine's disk. */
  maxBytes: number;
}

const ROOMY: ArtifactLimits = { maxBytes: 1_000_000 };

export function artifactContract(
  name: string,
  open: (limits: ArtifactLimits) => Promise<ArtifactHarness>,
  options: ContractOptions = {},
): void {
  describe(`${name} stores artifacts`, { timeout: TIMEOUT_MS, ...options }, () => {
    it('opens nothing under an unknown key', async () => {
      await using harness = await open(ROOMY);
      assert.equal(await harness.store.open('nothing'), undefined);
    });

    it('returns files and meta as they were put, and takes over the folder', async () => {
      await using harness = await open(ROOMY);
      await using work = await tempDir();
      const meta = { frames: 630, loudness: null, words: ['ä'] };
      const dir = await folder(work, { 'clip.mp4': 'picture', 'clip.pcm': 'sound', empty: '' });
      using put = await harness.store.put('key', dir, meta);
      using found = await opened(harness.store, 'key');
      for (const artifact of [put, found]) {
        assert.equal(artifact.key, 'key');
        assert.deepEqual(artifact.meta, meta);
        assert.ok(isAbsolute(artifact.path('clip.mp4')));
        assert.deepEqual(await texts(artifact, ['clip.mp4', 'clip.pcm', 'empty']), ['picture', 'sound', '']);
      }
      assert.equal(existsSync(dir), false);
    });

    it('lists only the files that an artifact has', async () => {
      await using harness = await open(ROOMY);
      await using work = await tempDir();
      using artifact = await harness.store.put('key', await folder(work, { file: 'text' }), {});
      assert.throws(() => artifact.path('fil'), /got fil/);
      assert.throws(() => artifact.path('../file'));
    });

    it('accepts any text as a key', async () => {
      await using harness = await open(ROOMY);
      await using work = await tempDir();
      const keys = ['../../up', 'clip/ä/1', '.', 'x'.repeat(2000), 'clip/ä/2'];
      for (const key of keys) {
        using _put = await harness.store.put(key, await folder(work, { file: key }), key);
      }
      for (const key of keys) {
        using found = await opened(harness.store, key);
        assert.deepEqual([found.meta, ...(await texts(found, ['file']))], [key, key]);
      }
    });

    it('keeps the first put, and returns it for a later one', async () => {
      await using harness = await open(ROOMY);
      await using work = await tempDir();
      using _first = await harness.store.put('key', await folder(work, { file: 'first' }), 1);
      const dir = await folder(work, { file: 'second' });
      using second = await harness.store.put('key', dir, 2);
      assert.deepEqual([second.meta, ...(await texts(second, ['file']))], [1, 'first']);
      assert.equal(existsSync(dir), false);
    });

    it('returns the same artifact for three concurrent puts', async () => {
      await using harness = await open(ROOMY);
      await using work = await tempDir();
      const dirs = await Promise.all(numbers(3).map((at) => folder(work, { file: `${at}` })));
      const puts = await Promise.all(dirs.map((dir, at) => harness.store.put('key', dir, at)));
      using standing = await opened<number>(harness.store, 'key');
      for (const artifact of puts) {
        using _ = artifact;
        assert.equal(artifact.meta, standing.meta);
        assert.deepEqual(await texts(artifact, ['file']), [`${standing.meta}`]);
      }
    });

    it('can be opened concurrently, even while it is being put', async () => {
      await using harness = await open(ROOMY);
      await using work = await tempDir();
      const putting = harness.store.put('key', await folder(work, { file: 'text' }), {});
      const early = await Promise.all(numbers(20).map(() => harness.store.open('key')));
      using _put = await putting;
      const late = await Promise.all(numbers(20).map(() => opened(harness.store, 'key')));
      for (const artifact of [...early.filter((one) => one !== undefined), ...late]) {
        using _ = artifact;
        assert.deepEqual(await texts(artifact, ['file']), ['text']);
      }
    });

    it('returns no damaged artifact, and accepts a new one in its place', async () => {
      await using harness = await open(ROOMY);
      await using work = await tempDir();
      const files = { 'a.mp4': 'picture', 'b.pcm': 'sound' };
      (await harness.store.put('key', await folder(work, files), 'old'))[Symbol.dispose]();
      (await opened(harness.store, 'key'))[Symbol.dispose]();
      await harness.corrupt('key', 'b.pcm');
      const found = await Promise.all(numbers(3).map(() => harness.store.open('key')));
      assert.deepEqual(found, [undefined, undefined, undefined]);
      using again = await harness.store.put('key', await folder(work, files), 'new');
      assert.deepEqual([again.meta, ...(await texts(again, ['b.pcm']))], ['new', 'sound']);
    });

    it('does not remove a new artifact as damaged when many open while one puts', async () => {
      await using harness = await open({ maxBytes: 100_000_000 });
      await using work = await tempDir();
      // Large, so that checking takes longer than putting.
      const old = await folder(work, { file: 'x'.repeat(8_000_000) });
      (await harness.store.put('key', old, {}))[Symbol.dispose]();
      await harness.corrupt('key', 'file');
      let done = false;
      const dir = await folder(work, { file: 'new' });
      const putting = harness.store.put('key', dir, {}).finally(() => {
        done = true;
      });
      const looking: Promise<Artifact | undefined>[] = [];
      while (!done) {
        looking.push(harness.store.open('key'));
        await pause(1);
      }
      for (const artifact of await Promise.all([putting, ...looking])) {
        using found = artifact;
        if (found) assert.deepEqual(await texts(found, ['file']), ['new']);
      }
    });

    it('replaces a damaged artifact', async () => {
      await using harness = await open(ROOMY);
      await using work = await tempDir();
      (await harness.store.put('key', await folder(work, { file: 'old' }), 'old'))[Symbol.dispose]();
      await harness.corrupt('key', 'file');
      using again = await harness.store.put('key', await folder(work, { file: 'new' }), 'new');
      assert.deepEqual([again.meta, ...(await texts(again, ['file']))], ['new', 'new']);
    });

    it('keeps the files of an open artifact, whatever else is put', async () => {
      await using harness = await open({ maxBytes: 3000 });
      await using work = await tempDir();
      const text = 'x'.repeat(1000);
      using held = await harness.store.put('held', await folder(work, { file: text }), {});
      const twice = await opened(harness.store, 'held');
      for (const at of numbers(10)) {
        using _put = await harness.store.put(`other-${at}`, await folder(work, { file: text }), {});
      }
      twice[Symbol.dispose]();
      twice[Symbol.dispose]();
      using _last = await harness.store.put('last', await folder(work, { file: text }), {});
      assert.deepEqual(await texts(held, ['file']), [text]);
    });
  });
}

/** Creates a folder with these files, ready to be put. */
export async function folder(work: TempDir, files: Record<string, string>): Promise<string> {
  const path = join(work.path, crypto.randomUUID());
  await mkdir(path);
  for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text);
  return path;
}

export async function opened<M>(store: ArtifactStore, key: string): Promise<Artifact<M>> {
  const artifact = await store.open<M>(key);
  assert.ok(artifact, `expected an artifact ${key}`);
  return artifact;
}

export async function texts(artifact: Artifact, names: readonly string[]): Promise<string[]> {
  return Promise.all(names.map((name) => readFile(artifact.path(name), 'utf8')));
}
