import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, truncate, unlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createDiskArtifacts } from '../../../functions/adapters/disk/artifacts.ts';
import { TransientError } from '../../../functions/base/errors.ts';
import type { ArtifactStore } from '../../../functions/ports/artifacts.ts';
import { artifactContract, folder, opened, texts } from '../../contracts/artifacts.ts';
import { numbers, until } from '../../contracts/harness.ts';
import { failingSystem } from '../../fixtures/system/failing-system.ts';
import { otherDisk } from '../../fixtures/system/other-disk.ts';
import { type TempDir, tempDir } from '../../fixtures/system/temp-dir.ts';

function placeOf(dir: string, key: string): string {
  const name = createHash('sha256').update(key).digest('hex');
  return join(dir, name.slice(0, 2), name);
}

async function flipFirstByte(file: string): Promise<void> {
  const bytes = await readFile(file);
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  await writeFile(file, bytes);
}

artifactContract('disk', async ({ maxBytes }) => {
  const dir = await tempDir();
  return {
    store: createDiskArtifacts({ dir: dir.path, maxBytes }),
    corrupt: (key, fileName) => flipFirstByte(join(placeOf(dir.path, key), fileName)),
    [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose](),
  };
});

/** A store with one artifact under `key`, containing `file`. */
async function withOne(dir: TempDir) {
  const store = createDiskArtifacts({ dir: join(dir.path, 'store'), maxBytes: 1_000_000 });
  (await store.put('key', await folder(dir, { file: 'text', 'other file': 'more' }), {}))[Symbol.dispose]();
  return { store, place: placeOf(join(dir.path, 'store'), 'key') };
}

const DAMAGES: Record<string, (place: string) => Promise<void>> = {
  'a file is shorter': (place) => truncate(join(place, 'file'), 2),
  'a file is missing': (place) => unlink(join(place, 'other file')),
  'a folder replaces a file': async (place) => {
    await unlink(join(place, 'file'));
    await mkdir(join(place, 'file'));
  },
  'meta.json is missing': (place) => unlink(join(place, 'meta.json')),
  'meta.json is truncated': (place) => truncate(join(place, 'meta.json'), 20),
  'meta.json is empty': (place) => truncate(join(place, 'meta.json'), 0),
  'meta.json has another shape': (place) => writeFile(join(place, 'meta.json'), '{"key":"key"}'),
  'meta.json belongs to another key': (place) =>
    writeFile(join(place, 'meta.json'), '{"key":"other","meta":{},"files":[]}'),
  'meta.json names a file outside the folder': (place) =>
    writeFile(
      join(place, 'meta.json'),
      '{"key":"key","meta":{},"files":[{"name":"../meta.json","bytes":1,"sha256":""}]}',
    ),
  'the folder is empty': async (place) => {
    await rm(place, { recursive: true });
    await mkdir(place);
  },
};

describe('disk artifacts', () => {
  for (const [damage, inflict] of Object.entries(DAMAGES)) {
    it(`are removed and not returned when ${damage}`, async () => {
      await using dir = await tempDir();
      const { store, place } = await withOne(dir);
      await inflict(place);
      assert.equal(await store.open('key'), undefined);
      assert.equal(existsSync(place), false);
      using again = await store.put('key', await folder(dir, { file: 'new' }), {});
      assert.deepEqual(await texts(again, ['file']), ['new']);
    });
  }

  it('are verified by checksum in every new process, whatever their file times', async () => {
    await using dir = await tempDir();
    const { place } = await withOne(dir);
    const { atime, mtime } = statSync(join(place, 'file'));
    await flipFirstByte(join(place, 'file'));
    await utimes(join(place, 'file'), atime, mtime);
    const next = createDiskArtifacts({ dir: join(dir.path, 'store'), maxBytes: 1_000_000 });
    assert.equal(await next.open('key'), undefined);
  });

  it('are verified again within a process if a file was changed, also if its time was set back', async () => {
    await using dir = await tempDir();
    const { store, place } = await withOne(dir);
    const file = join(place, 'file');
    await utimes(file, 1_000, 1_000);
    (await store.open('key'))?.[Symbol.dispose]();
    // Longer than the steps in which a disk counts the time.
    await sleep(20);
    await flipFirstByte(file);
    await utimes(file, 1_000, 1_000);
    assert.equal(await store.open('key'), undefined);
  });

  it('are stored under two letters and the hash of the key, with lengths and checksums in meta.json', async () => {
    await using dir = await tempDir();
    const { place } = await withOne(dir);
    const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
    assert.deepEqual(JSON.parse(await readFile(join(place, 'meta.json'), 'utf8')), {
      key: 'key',
      meta: {},
      files: [
        { name: 'file', bytes: 4, sha256: sha256('text') },
        { name: 'other file', bytes: 4, sha256: sha256('more') },
      ],
    });
  });

  it('refuse a folder inside the folder, and leave it untouched', async () => {
    await using dir = await tempDir();
    const store = createDiskArtifacts({ dir: join(dir.path, 'store'), maxBytes: 1000 });
    const work = await folder(dir, { file: 'text' });
    await mkdir(join(work, 'deeper'));
    await assert.rejects(store.put('key', work, {}), /plain files, got deeper/);
    assert.equal(await store.open('key'), undefined);
    assert.ok(existsSync(join(work, 'file')));
  });

  it('are evicted above the limit, the least recently used first', async () => {
    await using dir = await tempDir();
    const store = createDiskArtifacts({ dir: join(dir.path, 'store'), maxBytes: 300 });
    const put = async (key: string) =>
      (await store.put(key, await folder(dir, { file: 'x'.repeat(100) }), {}))[Symbol.dispose]();
    for (const key of ['a', 'b', 'c']) await put(key);
    (await opened(store, 'a'))[Symbol.dispose]();
    await put('d');
    assert.deepEqual(await present(dir, ['a', 'b', 'c', 'd']), ['a', 'c', 'd']);
    assert.equal(await store.open('b'), undefined);
  });

  it('say what they take and may take, those of earlier processes included', async () => {
    await using dir = await tempDir();
    const options = { dir: join(dir.path, 'store'), maxBytes: 20 };
    const put = async (store: ArtifactStore, key: string, bytes: number) =>
      (await store.put(key, await folder(dir, { file: 'x'.repeat(bytes) }), {}))[Symbol.dispose]();
    const first = createDiskArtifacts(options);
    assert.deepEqual(await first.usage(), { bytes: 0, limitBytes: 20 });
    await put(first, 'one', 7);
    await put(first, 'two', 8);
    assert.deepEqual(await first.usage(), { bytes: 15, limitBytes: 20 });
    const second = createDiskArtifacts(options);
    assert.deepEqual(await second.usage(), { bytes: 15, limitBytes: 20 });
    await put(second, 'three', 9);
    assert.deepEqual(await second.usage(), { bytes: 17, limitBytes: 20 });
  });

  it('say which were evicted, and not of those that are gone or damaged', async () => {
    await using dir = await tempDir();
    const store = createDiskArtifacts({ dir: join(dir.path, 'store'), maxBytes: 300 });
    const put = async (key: string) =>
      (await store.put(key, await folder(dir, { file: 'x'.repeat(100) }), {}))[Symbol.dispose]();
    for (const key of ['a', 'b', 'c', 'd']) await put(key);
    const damaged = await opened(store, 'b');
    await writeFile(damaged.path('file'), 'y'.repeat(100));
    await rm(dirname((await opened(store, 'c')).path('file')), { recursive: true });
    damaged[Symbol.dispose]();
    for (const key of ['a', 'b', 'c', 'never']) assert.equal(await store.open(key), undefined, key);
    const all = ['a', 'b', 'c', 'd', 'never'];
    assert.deepEqual(all.filter(store.wasEvicted), ['a']);
    await put('a');
    assert.deepEqual(all.filter(store.wasEvicted), []);
  });

  // Both ways round, because the listing order of folders is arbitrary.
  for (const [older, newer] of [
    ['a', 'c'],
    ['c', 'a'],
  ] as const) {
    it(`are evicted by their last use, even after a restart: ${older} before ${newer}`, async () => {
      await using dir = await tempDir();
      const open = (maxBytes: number) => createDiskArtifacts({ dir: join(dir.path, 'store'), maxBytes });
      const put = async (store: ArtifactStore, key: string) =>
        (await store.put(key, await folder(dir, { file: 'x'.repeat(100) }), {}))[Symbol.dispose]();
      const first = open(1000);
      for (const key of ['a', 'b', 'c']) await put(first, key);
      for (const [key, age] of Object.entries({ [newer]: 10, [older]: 20, b: 30 })) {
        const used = new Date(Date.now() - age * 60_000);
        await utimes(join(placeOf(join(dir.path, 'store'), key), 'meta.json'), used, used);
      }
      (await opened(open(1000), 'b'))[Symbol.dispose]();
      await put(open(300), 'd');
      assert.deepEqual(await present(dir, [older, newer, 'b', 'd']), [newer, 'b', 'd']);
    });
  }

  it('make room on a short disk from what was not used for an hour, the least recently used first', async () => {
    await using dir = await tempDir();
    const store = createDiskArtifacts({ dir: join(dir.path, 'store'), maxBytes: 10_000 });
    for (const [key, hours] of Object.entries({ a: 3, b: 2, c: 2, d: 0.5, e: 4 })) {
      (await store.put(key, await folder(dir, { file: 'x'.repeat(100) }), {}))[Symbol.dispose]();
      const used = new Date(Date.now() - hours * 3_600_000);
      await utimes(join(placeOf(join(dir.path, 'store'), key), 'meta.json'), used, used);
    }
    assert.equal(await store.makeRoom(150, 301), false, 'a, b and c are not enough');
    assert.deepEqual(await present(dir, ['a', 'b', 'c', 'd', 'e']), ['a', 'b', 'c', 'd', 'e']);
    assert.equal(await store.makeRoom(0, 300), true);
    assert.deepEqual(await present(dir, ['a', 'b', 'c', 'd', 'e']), ['a', 'b', 'c', 'd', 'e']);
    assert.equal(await store.makeRoom(150, 300), true);
    assert.deepEqual(await present(dir, ['a', 'b', 'c', 'd', 'e']), ['c', 'd', 'e']);
    assert.equal(await store.makeRoom(100, 100), true);
    assert.deepEqual(await present(dir, ['c', 'd', 'e']), ['d', 'e']);
    assert.equal(await store.makeRoom(1, 1), false, 'the latest one stays in any case');
  });

  it('are evicted only after their last user releases them', async () => {
    await using dir = await tempDir();
    const store = createDiskArtifacts({ dir: join(dir.path, 'store'), maxBytes: 100 });
    const put = async (key: string) => store.put(key, await folder(dir, { file: 'x'.repeat(100) }), {});
    const a = await put('a');
    const again = await opened(store, 'a');
    const b = await put('b');
    a[Symbol.dispose]();
    a[Symbol.dispose]();
    assert.deepEqual(await present(dir, ['a', 'b']), ['a', 'b']);
    again[Symbol.dispose]();
    assert.deepEqual(await present(dir, ['a', 'b']), ['b']);
    b[Symbol.dispose]();
  });

  it('keep the latest one even if it is larger than the limit', async () => {
    await using dir = await tempDir();
    const store = createDiskArtifacts({ dir: join(dir.path, 'store'), maxBytes: 10 });
    (await store.put('large', await folder(dir, { file: 'x'.repeat(100) }), {}))[Symbol.dispose]();
    using _large = await opened(store, 'large');
  });

  it('are always complete while many are put, opened and evicted', async () => {
    await using dir = await tempDir();
    const store = createDiskArtifacts({ dir: join(dir.path, 'store'), maxBytes: 500 });
    await Promise.all(
      numbers(200).map(async (at) => {
        const key = `${at % 20}`;
        using artifact =
          (await store.open(key)) ??
          (await store.put(key, await folder(dir, { a: key.repeat(50), b: key }), {}));
        assert.deepEqual(await texts(artifact, ['a', 'b']), [key.repeat(50), key]);
      }),
    );
  });

  it('leave no garbage, and remove what a dead process left', async () => {
    await using dir = await tempDir();
    const root = join(dir.path, 'store');
    await mkdir(join(root, '.trash', 'half-deleted'), { recursive: true });
    await mkdir(join(root, '.incoming', 'old'), { recursive: true });
    await mkdir(join(root, '.incoming', 'being copied'));
    const yesterday = new Date(Date.now() - 86_400_000);
    await utimes(join(root, '.incoming', 'old'), yesterday, yesterday);
    const store = createDiskArtifacts({ dir: root, maxBytes: 100 });
    for (const key of ['a', 'b', 'c']) {
      (await store.put(key, await folder(dir, { file: 'x'.repeat(100) }), {}))[Symbol.dispose]();
    }
    await until(async () => (await readdir(join(root, '.trash'))).length === 0, 'an empty trash');
    assert.deepEqual(await readdir(join(root, '.incoming')), ['being copied']);
  });

  it('fail as transient when the disk is full, and are accepted from the same folder later', async () => {
    await using dir = await tempDir();
    const store = createDiskArtifacts({ dir: join(dir.path, 'store'), maxBytes: 1000 });
    const work = await folder(dir, { file: 'text' });
    {
      using _full = failingSystem('rename', 'ENOSPC');
      await assert.rejects(
        store.put('key', work, {}),
        (error) => TransientError.is(error) && error.code === 'disk_full',
      );
      assert.equal(await store.open('key'), undefined);
    }
    using put = await store.put('key', work, {});
    assert.deepEqual(await texts(put, ['file']), ['text']);
    assert.throws(() => put.path('meta.json'));
  });

  it('leave the source folder in place when the system fails for another reason', async () => {
    await using dir = await tempDir();
    const { store } = await withOne(dir);
    {
      using _exhausted = failingSystem('readFile', 'EMFILE');
      await assert.rejects(store.open('key'), { code: 'EMFILE' });
    }
    using _found = await opened(store, 'key');
  });

  it('arrive complete from another disk', async (t: TestContext) => {
    await using dir = await tempDir();
    await using other = await otherDisk(dir.path);
    if (!other) return t.skip('this machine has no second file system (/dev/shm) to move from');
    const store = createDiskArtifacts({ dir: join(dir.path, 'store'), maxBytes: 1_000_000 });
    const work = await folder(other, { file: 'text', second: 'more' });
    using put = await store.put('key', work, { meta: true });
    assert.deepEqual(await texts(put, ['file', 'second']), ['text', 'more']);
    assert.equal(dirname(put.path('file')), placeOf(join(dir.path, 'store'), 'key'));
    assert.equal(existsSync(work), false);
    assert.deepEqual(await readdir(join(dir.path, 'store', '.incoming')), []);
  });
});

async function present(dir: TempDir, keys: readonly string[]): Promise<string[]> {
  return keys.filter((key) => existsSync(placeOf(join(dir.path, 'store'), key)));
}
