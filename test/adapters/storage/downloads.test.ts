import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import {
  createStorageDownloads,
  type StorageDownloadsOptions,
} from '../../../functions/adapters/storage/downloads.ts';
import type { Validator } from '../../../functions/model/source.ts';
import { until } from '../../contracts/harness.ts';
import { failureOf } from '../../fixtures/network/downloading.ts';
import { connectedTo } from '../../fixtures/storage/connection.ts';
import { type Misbehaviour, startStorageServer } from '../../fixtures/storage/server.ts';
import { tempDir } from '../../fixtures/system/temp-dir.ts';

const BODY = randomBytes(300_000);
const SHA256 = createHash('sha256').update(BODY).digest('hex');
const NAME = 'clips/hook ü #1?.mp4';

/** A server with one clip, and downloads from it of at most 1,000,000 bytes. */
async function prepared(limits: StorageDownloadsOptions['limits'] = {}) {
  const server = await startStorageServer();
  const dir = await tempDir();
  const file = join(dir.path, 'clip.bin');
  const storage = connectedTo(server);
  const downloads = createStorageDownloads({ storage, maxBytes: 1_000_000, limits });
  return {
    server,
    file,
    clip: server.objects.insert('bucket', NAME, BODY, { contentType: 'video/mp4' }),
    replace: () => server.objects.insert('bucket', NAME, randomBytes(1000), {}),
    get: (validator?: Validator, signal = new AbortController().signal) =>
      downloads.get({ bucket: 'bucket', object: NAME }, file, { validator, signal }),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
}

describe('createStorageDownloads', { timeout: 60_000 }, () => {
  it('gives the bytes, their checksum and the generation as validator', async () => {
    await using cloud = await prepared();
    assert.deepEqual(await cloud.get(), {
      modified: true,
      bytes: BODY.length,
      sha256: SHA256,
      validator: { etag: `"${cloud.clip.generation}"` },
    });
    assert.ok(BODY.equals(await readFile(cloud.file)));
    assert.deepEqual([cloud.server.count('metadata'), cloud.server.count('media')], [1, 1]);
  });

  it('downloads nothing while the generation is the same, and the whole next one', async () => {
    await using cloud = await prepared();
    const validator = { etag: `"${cloud.clip.generation}"` };
    assert.deepEqual(await cloud.get(validator), { modified: false });
    assert.equal(cloud.server.count('media'), 0);
    assert.equal(existsSync(cloud.file), false);
    const { generation } = cloud.replace();
    const next = await cloud.get(validator);
    assert.ok(next.modified);
    assert.deepEqual([next.bytes, next.validator], [1000, { etag: `"${generation}"` }]);
  });

  it('accepts an object that was composed of others, which has no MD5', async () => {
    await using cloud = await prepared();
    cloud.clip.md5Hash = undefined;
    const got = await cloud.get();
    assert.ok(got.modified);
    assert.equal(got.sha256, SHA256);
  });

  const refused: readonly [string, Buffer, string | undefined, Parameters<typeof failureOf>[1], RegExp][] = [
    ['too large', Buffer.alloc(1_000_001), undefined, 'source_too_large', /at most 1000000 bytes/],
    ['empty', Buffer.alloc(0), undefined, 'media_unreadable', /0 bytes/],
    ['compressed', gzipSync(BODY), 'gzip', 'source_refused', /uncompressed, got Content-Encoding gzip/],
  ];
  for (const [what, body, contentEncoding, code, says] of refused) {
    it(`gives ${code} for an object that is ${what}, before a byte is fetched`, async () => {
      await using cloud = await prepared();
      cloud.server.objects.insert('bucket', NAME, body, contentEncoding ? { contentEncoding } : {});
      await failureOf(cloud.get(), code, says);
      assert.equal(cloud.server.count('media'), 0);
      assert.equal(existsSync(cloud.file), false);
    });
  }

  it('gives source_not_found for an object or a bucket that does not exist', async () => {
    await using cloud = await prepared();
    cloud.server.objects.delete('bucket', NAME, {});
    await failureOf(cloud.get(), 'source_not_found', /gs:\/\/bucket\/clips\/hook ü #1\?\.mp4/);
    cloud.server.objects.removeBucket('bucket');
    await failureOf(cloud.get(), 'source_not_found');
  });

  const broken: readonly [string, Misbehaviour][] = [
    ['is cut', { does: 'cut', afterBytes: 100_000 }],
    ['stalls', { does: 'stall', afterBytes: 100_000 }],
    ['is damaged', { does: 'damage' }],
    ['never begins', { does: 'hang' }],
  ];
  for (const [what, fault] of broken) {
    for (const composed of [false, true]) {
      it(`gives network if a download ${what}, after one try${composed ? ', even without MD5' : ''}`, async () => {
        await using cloud = await prepared(/stall|hang/.test(fault.does) ? { idleMs: 1_000 } : {});
        if (composed) cloud.clip.md5Hash = undefined;
        cloud.server.fault({ operation: 'media', ...fault });
        await failureOf(cloud.get(), 'network');
        assert.equal(existsSync(cloud.file), false, 'half a file was left');
        assert.equal(cloud.server.count('media'), 1);
        assert.ok((await cloud.get()).modified);
      });
    }
  }

  it('does not mix two versions of an object that is replaced between lookup and download', async () => {
    await using cloud = await prepared();
    cloud.server.fault({ operation: 'media', does: 'after', work: cloud.replace });
    await failureOf(cloud.get(), 'source_busy', /another version/);
    assert.equal(existsSync(cloud.file), false);
    const next = await cloud.get();
    assert.ok(next.modified);
    assert.equal(next.bytes, 1000);
  });

  it('stops at once, with the reason, and leaves nothing', async () => {
    await using cloud = await prepared();
    const reason = new Error('The lease was lost');
    await assert.rejects(cloud.get(undefined, AbortSignal.abort(reason)), reason);
    assert.equal(cloud.server.requests.length, 0);
    for (const [operation, fault] of [
      ['metadata', { does: 'hang' }],
      ['media', { does: 'hang' }],
      ['media', { does: 'stall', afterBytes: 100_000 }],
    ] as const) {
      cloud.server.fault({ operation, ...fault });
      const stop = new AbortController();
      const before = cloud.server.count(operation);
      const getting = cloud.get(undefined, stop.signal);
      await until(() => cloud.server.count(operation) > before, 'the request');
      if (fault.does === 'stall') await until(() => existsSync(cloud.file), 'some bytes');
      stop.abort(reason);
      await assert.rejects(getting, reason);
      assert.equal(existsSync(cloud.file), false);
    }
    await until(() => cloud.server.requests.at(-1)?.closed === true, 'the connection to be closed');
  });

  it('leaves no uncaught error, whenever it is stopped', async () => {
    const unhandled: unknown[] = [];
    const note = (error: unknown) => void unhandled.push(error);
    process.on('uncaughtExceptionMonitor', note);
    const reason = new Error('The lease was lost');
    for (let ms = 0; ms < 40; ms += 2) {
      await using cloud = await prepared();
      const stop = new AbortController();
      const getting = cloud.get(undefined, stop.signal).then(
        () => 'got',
        (error: unknown) => error,
      );
      const timer = setTimeout(() => stop.abort(reason), ms);
      const end = await getting;
      clearTimeout(timer);
      assert.ok(end === 'got' || end === reason, String(end));
      // Late answers must not cause errors, either.
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    process.off('uncaughtExceptionMonitor', note);
    assert.deepEqual(unhandled, []);
  });

  it('ends a download that takes too long in total', async () => {
    await using cloud = await prepared({ totalMs: 300 });
    cloud.server.fault({ operation: 'media', does: 'stall', afterBytes: 100_000 });
    await failureOf(cloud.get(), 'source_slow', /not finished after 300 ms/);
    assert.equal(existsSync(cloud.file), false);
  });

  it('does not disturb other downloads when one fails', async () => {
    await using cloud = await prepared();
    await using other = await tempDir();
    const large = cloud.server.objects.insert('bucket', 'large.mp4', randomBytes(900_000), {});
    const downloads = createStorageDownloads({ storage: connectedTo(cloud.server), maxBytes: 1_000_000 });
    cloud.server.fault({ operation: 'media', does: 'damage' });
    const bad = cloud.get();
    const good = Array.from({ length: 8 }, (_, at) =>
      downloads.get({ bucket: 'bucket', object: 'large.mp4' }, join(other.path, `${at}`), {
        signal: new AbortController().signal,
      }),
    );
    const [first, ...rest] = await Promise.allSettled([bad, ...good]);
    const failed = [first, ...rest].filter(({ status }) => status === 'rejected');
    assert.equal(failed.length, 1);
    for (const result of [first, ...rest]) {
      if (result.status === 'rejected' || !result.value.modified) continue;
      assert.ok([large.body.length, BODY.length].includes(result.value.bytes));
    }
  });

  it('causes no warning about listeners', async () => {
    await using cloud = await prepared();
    const warnings: string[] = [];
    const note = (warning: Error) => warnings.push(warning.message);
    process.on('warning', note);
    await cloud.get();
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', note);
    assert.deepEqual(warnings, []);
  });
});
