import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createDiskArtifacts } from '../../../functions/adapters/disk/artifacts.ts';
import { createStorageArtifacts } from '../../../functions/adapters/storage/artifacts.ts';
import type { StorageLimits } from '../../../functions/adapters/storage/storage.ts';
import { PermanentError, TransientError } from '../../../functions/base/errors.ts';
import { workDir } from '../../../functions/pipeline/artifacts.ts';
import { artifactContract, folder, opened, texts } from '../../contracts/artifacts.ts';
import { numbers, until } from '../../contracts/harness.ts';
import { connectedTo } from '../../fixtures/storage/connection.ts';
import { type StorageServer, startStorageServer } from '../../fixtures/storage/server.ts';
import { failingSystem } from '../../fixtures/system/failing-system.ts';
import { type TempDir, tempDir } from '../../fixtures/system/temp-dir.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

function nameOf(key: string): string {
  return `artifacts/${/^[a-z]+(?=\/)/.exec(key)?.[0] ?? 'other'}/${sha256(key)}`;
}

function rewrite(server: StorageServer, key: string, change: (body: Buffer) => Buffer): void {
  const { body } = server.objects.find('bucket', nameOf(key));
  server.objects.insert('bucket', nameOf(key), change(Buffer.from(body)), {});
}

async function flipFirstByte(file: string): Promise<void> {
  const bytes = await readFile(file);
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  await writeFile(file, bytes);
}

function flipByteOf(fileName: string, body: Buffer): Buffer {
  const end = body.indexOf(10);
  const { files } = JSON.parse(body.subarray(0, end).toString()) as {
    files: { name: string; bytes: number }[];
  };
  let at = end + 1;
  for (const { name, bytes } of files) {
    if (name === fileName) break;
    at += bytes;
  }
  body.writeUInt8(body.readUInt8(at) ^ 1, at);
  return body;
}

interface ProcessOptions {
  name?: string;
  maxBytes?: number;
  standingMs?: number;
  bringBackMs?: number;
  limits?: Partial<StorageLimits>;
}

/** One process: a folder and a connection of its own. */
function processOn(server: StorageServer, dir: TempDir, options: ProcessOptions = {}) {
  const {
    name = 'one',
    maxBytes = 1_000_000,
    standingMs = 60_000,
    bringBackMs = 10_000,
    limits = {},
  } = options;
  const root = join(dir.path, name);
  return createStorageArtifacts({
    storage: connectedTo(server, limits),
    bucket: 'bucket',
    local: createDiskArtifacts({ dir: join(root, 'artifacts'), maxBytes }),
    workDir: () => workDir(join(root, 'tmp')),
    standingMs,
    bringBackMs,
  });
}

artifactContract('storage', async ({ maxBytes }) => {
  const server = await startStorageServer();
  const dir = await tempDir();
  return {
    store: processOn(server, dir, { maxBytes }),
    async corrupt(key, fileName) {
      rewrite(server, key, (body) => flipByteOf(fileName, body));
      const hash = sha256(key);
      await flipFirstByte(join(dir.path, 'one', 'artifacts', hash.slice(0, 2), hash, fileName));
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
});

/** A server and a folder for several processes. */
async function shared() {
  const server = await startStorageServer();
  const dir = await tempDir();
  return {
    server,
    dir,
    one: processOn(server, dir),
    two: processOn(server, dir, { name: 'two' }),
    names: () => [...server.objects.bucket('bucket').keys()],
    /** What is left in the work folders of all processes. */
    async leftOvers() {
      const found = await Promise.all(
        ['one', 'two'].map((name) => readdir(join(dir.path, name, 'tmp')).catch(() => [])),
      );
      return found.flat();
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
}

const FILES = { 'clip.mp4': 'picture', 'clip.pcm': 'sound' };

/** An object as it is stored; `changes` replace fields of its header. */
function packed(key: string, changes: Record<string, unknown> = {}, body = 'picturesound'): Buffer {
  const files = Object.entries(FILES).map(([name, text]) => ({
    name,
    bytes: text.length,
    sha256: sha256(text),
  }));
  return Buffer.from(`${JSON.stringify({ key, meta: 1, files, ...changes })}\n${body}`);
}

const one = (name: string) => [{ name, bytes: 12, sha256: sha256('picturesound') }];

const DAMAGES: Readonly<Record<string, Buffer>> = {
  'it is empty': Buffer.alloc(0),
  'it is in another format': Buffer.from('hello\nworld'),
  'its header has no end': Buffer.alloc(5_000_000, 'x'),
  'its header has another shape': Buffer.from('{"key":"clip/key"}\n'),
  'its header is truncated': packed('clip/key').subarray(0, 40),
  'it belongs to another key': packed('clip/other'),
  'a file is too short': packed('clip/key', {}, 'picturesou'),
  'it contains more than its files': packed('clip/key', {}, 'picturesound and more'),
  'a checksum does not match': packed('clip/key', {}, 'picturesOund'),
  'a name leads out of the folder': packed('clip/key', { files: one('../out') }),
  'a name is absolute': packed('clip/key', { files: one('/tmp/out') }),
  'a name is invalid': packed('clip/key', { files: one('..') }),
  'a name occurs twice': packed('clip/key', { files: [...one('a'), ...one('a')] }, 'picturesound'.repeat(2)),
  'a size is invalid': packed('clip/key', { files: [{ name: 'a', bytes: -1, sha256: '' }] }),
};

describe('storage artifacts', { timeout: 60_000 }, () => {
  it('are made by one process and opened by another, from one object', async () => {
    await using cloud = await shared();
    using _put = await cloud.one.put('clip/key', await folder(cloud.dir, FILES), { frames: 7 });
    assert.deepEqual(cloud.names(), [nameOf('clip/key')]);
    using found = await opened(cloud.two, 'clip/key');
    assert.deepEqual(found.meta, { frames: 7 });
    assert.deepEqual(await texts(found, Object.keys(FILES)), Object.values(FILES));
    using _again = await opened(cloud.two, 'clip/key');
    assert.equal(cloud.server.requests.length, 2, 'one upload, one download');
    assert.deepEqual(await cloud.leftOvers(), []);
  });

  it('are a line of JSON and the bytes of their files', async () => {
    await using cloud = await shared();
    using _put = await cloud.one.put('clip/key', await folder(cloud.dir, FILES), 1);
    const { body } = cloud.server.objects.find('bucket', `artifacts/clip/${sha256('clip/key')}`);
    assert.equal(body.toString(), packed('clip/key').toString());
  });

  it('are stored once if two processes put them at once, and both resolve to that one', async () => {
    await using cloud = await shared();
    const dirs = await Promise.all(numbers(2).map((at) => folder(cloud.dir, { file: `${at}` })));
    const puts = await Promise.all([
      cloud.one.put('key', dirs[0] as string, 0),
      cloud.two.put('key', dirs[1] as string, 1),
    ]);
    const [standing] = puts;
    for (const artifact of puts) {
      using _ = artifact;
      assert.equal(artifact.meta, standing?.meta);
      assert.deepEqual(await texts(artifact, ['file']), [`${standing?.meta}`]);
    }
    assert.equal(cloud.names().length, 1);
    assert.deepEqual(dirs.map(existsSync), [false, false]);
    assert.deepEqual(await cloud.leftOvers(), []);
  });

  it('are found by a second put if the answer to the first was lost', async () => {
    await using cloud = await shared();
    cloud.server.fault({ operation: 'upload', does: 'lose-answer' });
    const work = await folder(cloud.dir, FILES);
    await assert.rejects(cloud.one.put('key', work, 1), TransientError.is);
    using put = await cloud.one.put('key', work, 1);
    assert.deepEqual(await texts(put, Object.keys(FILES)), Object.values(FILES));
    assert.equal(cloud.names().length, 1);
  });

  it('can be put again from the same folder after their upload failed', async () => {
    await using cloud = await shared();
    const work = await folder(cloud.dir, FILES);
    cloud.server.fault({ operation: 'upload', does: 'status', status: 503 });
    await assert.rejects(
      cloud.one.put('key', work, 1),
      (error) => TransientError.is(error) && error.code === 'platform_unavailable',
    );
    assert.equal(await cloud.one.open('key'), undefined);
    using put = await cloud.one.put('key', work, 1);
    assert.deepEqual(await texts(put, ['clip.pcm']), ['sound']);
  });

  it('do not exist if the process died while putting them', async () => {
    await using cloud = await shared();
    cloud.server.fault({ operation: 'resume', does: 'stall', afterBytes: 1_000_000 });
    const script = join(import.meta.dirname, '../../fixtures/storage/putting.ts');
    const putting = (name: string) =>
      spawn(process.execPath, [script, cloud.server.url, join(cloud.dir.path, name), 'clip/key', '3000000'], {
        stdio: 'inherit',
      });
    const dying = putting('dying');
    await until(() => cloud.server.requests.some(({ received }) => received > 900_000), 'half an upload');
    dying.kill('SIGKILL');
    await once(dying, 'exit');
    assert.equal(await cloud.one.open('clip/key'), undefined);
    assert.deepEqual(cloud.names(), []);

    const [code] = await once(putting('living'), 'exit');
    assert.equal(code, 0);
    using found = await opened(cloud.one, 'clip/key');
    assert.deepEqual(found.meta, { made: 'by a process of its own' });
    assert.deepEqual(await texts(found, ['clip.pcm']), ['sound']);
  });

  it('are fetched again after the local copy was evicted, and stay while they are open', async () => {
    await using cloud = await shared();
    const small = processOn(cloud.server, cloud.dir, { name: 'small', maxBytes: 2500 });
    const text = 'x'.repeat(1000);
    for (const key of ['a', 'b', 'c', 'd']) {
      (await cloud.one.put(key, await folder(cloud.dir, { file: `${key}${text}` }), key))[Symbol.dispose]();
    }
    const held = [await opened(small, 'a'), await opened(small, 'b')];
    for (const key of ['c', 'd', 'c', 'd']) (await opened(small, key))[Symbol.dispose]();
    for (const [at, artifact] of held.entries()) {
      assert.deepEqual(await texts(artifact, ['file']), [`${'ab'[at]}${text}`]);
      artifact[Symbol.dispose]();
    }
    // There is room for two of the four, so each one has been evicted before it is fetched.
    const before = cloud.server.count('media');
    for (const key of ['a', 'b', 'c', 'd']) (await opened(small, key))[Symbol.dispose]();
    assert.ok(cloud.server.count('media') - before >= 2);
    const kept = await readdir(join(cloud.dir.path, 'small', 'artifacts'));
    assert.ok(kept.filter((name) => /^[0-9a-f]{2}$/.test(name)).length <= 4);
  });

  it('are downloaded once for many concurrent callers, each of whom disposes of them', async () => {
    await using cloud = await shared();
    (await cloud.one.put('key', await folder(cloud.dir, FILES), 1))[Symbol.dispose]();
    const small = processOn(cloud.server, cloud.dir, { name: 'two', maxBytes: 1 });
    const found = await Promise.all(numbers(20).map(() => opened(small, 'key')));
    assert.equal(cloud.server.count('media'), 1);
    const last = found.pop();
    for (const artifact of found) artifact[Symbol.dispose]();
    using _other = await small.put('other', await folder(cloud.dir, FILES), 1);
    assert.ok(last);
    assert.deepEqual(await texts(last, ['clip.pcm']), ['sound']);
    last[Symbol.dispose]();
    assert.deepEqual(await cloud.leftOvers(), []);
  });

  it('are held until their callers have opened them, however little room there is', async () => {
    await using cloud = await shared();
    (await cloud.one.put('key', await folder(cloud.dir, FILES), 1))[Symbol.dispose]();
    const disk = createDiskArtifacts({ dir: join(cloud.dir.path, 'disk'), maxBytes: 1 });
    const crowded = createStorageArtifacts({
      storage: connectedTo(cloud.server),
      bucket: 'bucket',
      local: {
        async open<M>(key: string) {
          (await disk.put(crypto.randomUUID(), await folder(cloud.dir, FILES), {}))[Symbol.dispose]();
          return disk.open<M>(key);
        },
        put: disk.put,
      },
      workDir: () => workDir(join(cloud.dir.path, 'tmp')),
    });
    using found = await opened(crowded, 'key');
    assert.deepEqual(await texts(found, ['clip.pcm']), ['sound']);
  });

  for (const [damage, body] of Object.entries(DAMAGES)) {
    it(`are removed and not returned if ${damage}`, async () => {
      await using cloud = await shared();
      cloud.server.objects.insert('bucket', nameOf('clip/key'), body, {});
      assert.equal(await cloud.one.open('clip/key'), undefined);
      assert.deepEqual(cloud.names(), []);
      assert.deepEqual(await cloud.leftOvers(), []);
      cloud.server.objects.insert('bucket', nameOf('clip/key'), body, {});
      using put = await cloud.two.put('clip/key', await folder(cloud.dir, FILES), 2);
      assert.deepEqual([put.meta, ...(await texts(put, ['clip.pcm']))], [2, 'sound']);
      using found = await opened(cloud.one, 'clip/key');
      assert.equal(found.meta, 2);
    });
  }

  describe('whose object is damaged, where the account may create objects and remove none', () => {
    const KEY = 'clip/key';
    const damage = (cloud: { server: StorageServer }, name: string) =>
      cloud.server.objects.insert('bucket', name, Buffer.from('damaged'), {});
    const forbid = (cloud: { server: StorageServer }) =>
      cloud.server.fault({
        operation: 'delete',
        does: 'status',
        status: 403,
        reason: 'forbidden',
        times: 99,
      });

    it('are stored and found under the next name', async () => {
      await using cloud = await shared();
      damage(cloud, nameOf(KEY));
      damage(cloud, `${nameOf(KEY)}-2`);
      forbid(cloud);
      assert.equal(await cloud.one.open(KEY), undefined);
      using put = await cloud.one.put(KEY, await folder(cloud.dir, FILES), 2);
      assert.deepEqual([put.meta, ...(await texts(put, ['clip.pcm']))], [2, 'sound']);
      assert.deepEqual(
        cloud.names(),
        ['', '-2', '-3'].map((end) => `${nameOf(KEY)}${end}`),
      );
      using found = await opened(cloud.two, KEY);
      assert.deepEqual([found.meta, ...(await texts(found, ['clip.pcm']))], [2, 'sound']);
    });

    it('are stored once by two processes', async () => {
      await using cloud = await shared();
      damage(cloud, nameOf(KEY));
      forbid(cloud);
      const dirs = [await folder(cloud.dir, FILES), await folder(cloud.dir, FILES)] as const;
      const puts = await Promise.all([cloud.one.put(KEY, dirs[0], 1), cloud.two.put(KEY, dirs[1], 2)]);
      assert.equal(puts[0].meta, puts[1].meta);
      for (const put of puts) put[Symbol.dispose]();
      assert.equal(cloud.names().length, 2);
    });

    it('are found by an account that removes the damaged one', async () => {
      await using cloud = await shared();
      damage(cloud, nameOf(KEY));
      forbid(cloud);
      (await cloud.one.put(KEY, await folder(cloud.dir, FILES), 2))[Symbol.dispose]();
      cloud.server.clearFaults();
      using found = await opened(cloud.two, KEY);
      assert.equal(found.meta, 2);
      assert.deepEqual(cloud.names(), [`${nameOf(KEY)}-2`]);
    });

    it('wait, and say what to remove, when all names are taken', async () => {
      await using cloud = await shared();
      for (const end of ['', '-2', '-3', '-4', '-5']) damage(cloud, `${nameOf(KEY)}${end}`);
      forbid(cloud);
      const work = await folder(cloud.dir, FILES);
      await assert.rejects(cloud.one.put(KEY, work, 2), (error) => {
        assert.ok(TransientError.is(error), String(error));
        assert.ok(error.message.includes(`remove gs://bucket/${nameOf(KEY)}*`), error.message);
        return true;
      });
      for (const name of cloud.names()) cloud.server.objects.delete('bucket', name, {});
      using put = await cloud.one.put(KEY, work, 2);
      assert.equal(put.meta, 2);
    });
  });

  it('stay in the bucket if only the download went wrong', async () => {
    for (const fault of [
      { does: 'damage' },
      { does: 'cut', afterBytes: 3 },
      { does: 'stall', afterBytes: 3 },
      { does: 'status', status: 503 },
    ] as const) {
      await using cloud = await shared();
      (await cloud.one.put('key', await folder(cloud.dir, FILES), 1))[Symbol.dispose]();
      const limits = fault.does === 'stall' ? { idleMs: 1_000 } : {};
      const other = processOn(cloud.server, cloud.dir, { name: 'two', limits });
      cloud.server.fault({ operation: 'media', ...fault });
      await assert.rejects(other.open('key'), (error) => {
        assert.ok(TransientError.is(error), String(error));
        assert.equal(error.code, 'platform_unavailable');
        return true;
      });
      assert.equal(cloud.server.count('delete'), 0);
      assert.deepEqual(await cloud.leftOvers(), []);
      using found = await opened(other, 'key');
      assert.deepEqual(await texts(found, ['clip.pcm']), ['sound']);
    }
  });

  it('are not removed in place of a damaged one that they have replaced', async () => {
    await using cloud = await shared();
    cloud.server.objects.insert('bucket', nameOf('key'), Buffer.from('damaged'), {});
    cloud.server.fault({
      operation: 'delete',
      does: 'after',
      work: () => cloud.server.objects.insert('bucket', nameOf('key'), packed('key'), {}),
    });
    assert.equal(await cloud.one.open('key'), undefined);
    using found = await opened(cloud.one, 'key');
    assert.deepEqual(await texts(found, ['clip.pcm']), ['sound']);
  });

  it('are restored, once, if only a copy is left of them', async () => {
    await using cloud = await shared();
    const wary = processOn(cloud.server, cloud.dir, { standingMs: 0 });
    (await wary.put('key', await folder(cloud.dir, FILES), 1))[Symbol.dispose]();
    cloud.server.objects.delete('bucket', nameOf('key'), {});
    const before = cloud.server.count('upload') + cloud.server.count('start');
    for (const copy of await Promise.all([1, 2, 3].map(() => opened(wary, 'key')))) copy[Symbol.dispose]();
    assert.equal(cloud.server.count('upload') + cloud.server.count('start') - before, 1);
    using found = await opened(cloud.two, 'key');
    assert.equal(found.meta, 1);
    assert.deepEqual(await texts(found, Object.keys(FILES)), Object.values(FILES));
  });

  it('are opened from the copy within seconds if the bucket does not accept it', async () => {
    await using cloud = await shared();
    const wary = processOn(cloud.server, cloud.dir, { standingMs: 0, bringBackMs: 200 });
    (await wary.put('key', await folder(cloud.dir, FILES), 1))[Symbol.dispose]();
    cloud.server.objects.delete('bucket', nameOf('key'), {});
    // Without that limit, a call would wait for ten seconds.
    cloud.server.fault({ operation: 'upload', does: 'hang', times: 9 });
    const asked = performance.now();
    using _found = await opened(wary, 'key');
    assert.ok(performance.now() - asked < 8_000);
  });

  it('are opened from the copy if the bucket does not answer', async () => {
    await using cloud = await shared();
    const wary = processOn(cloud.server, cloud.dir, { standingMs: 0 });
    (await wary.put('key', await folder(cloud.dir, FILES), 1))[Symbol.dispose]();
    cloud.server.fault({ operation: 'metadata', does: 'status', status: 503 });
    using _found = await opened(wary, 'key');
    const asked = cloud.server.count('metadata');
    using _again = await opened(wary, 'key');
    assert.equal(cloud.server.count('metadata'), asked, 'it is left alone for a while');
  });

  it('wait for room if this machine has none, and leave nothing unfinished', async () => {
    await using cloud = await shared();
    (await cloud.one.put('key', await folder(cloud.dir, FILES), 1))[Symbol.dispose]();
    {
      using _full = failingSystem('rename', 'ENOSPC');
      await assert.rejects(
        cloud.two.open('key'),
        (error) => TransientError.is(error) && error.code === 'disk_full',
      );
    }
    assert.deepEqual(await cloud.leftOvers(), []);
    using _found = await opened(cloud.two, 'key');
  });

  it('fail permanently if the bucket may not be used', async () => {
    await using cloud = await shared();
    for (const status of [401, 403] as const) {
      cloud.server.fault({ operation: 'media', does: 'status', status });
      await assert.rejects(
        cloud.one.open('key'),
        (error) => PermanentError.is(error) && error.code === 'cache_failed',
      );
    }
    cloud.server.objects.removeBucket('bucket');
    await assert.rejects(
      cloud.one.open('key'),
      (error) => PermanentError.is(error) && error.code === 'cache_failed',
    );
  });

  it('refuse a folder within the folder, and leave it where it is', async () => {
    await using cloud = await shared();
    const work = await folder(cloud.dir, FILES);
    await mkdir(join(work, 'deeper'));
    await assert.rejects(cloud.one.put('key', work, 1), /plain files, got deeper/);
    assert.deepEqual(cloud.names(), []);
    assert.ok(existsSync(join(work, 'clip.mp4')));
  });
});
