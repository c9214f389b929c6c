import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { metadataOf } from '../../../functions/adapters/storage/read.ts';
import type { StorageLimits } from '../../../functions/adapters/storage/storage.ts';
import { PermanentError, TransientError } from '../../../functions/base/errors.ts';
import { until } from '../../contracts/harness.ts';
import { startSelfSignedServer } from '../../fixtures/network/self-signed.ts';
import { connectedTo } from '../../fixtures/storage/connection.ts';
import { startStorageServer } from '../../fixtures/storage/server.ts';

const PLACE = { purpose: 'outputs', bucket: 'bucket', name: 'a' } as const;

/** A server with one object, and a connection to it. */
async function prepared(limits: Partial<StorageLimits> = {}) {
  const server = await startStorageServer();
  server.objects.insert('bucket', 'a', Buffer.from('text'), {});
  const storage = connectedTo(server, limits);
  return {
    server,
    look: (signal?: AbortSignal) => metadataOf(storage, PLACE, signal ? { signal } : {}),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

describe('connectStorage', { timeout: 60_000 }, () => {
  it('loads the client at the first call only', () => {
    const adapter = join(import.meta.dirname, '../../../functions/adapters/storage/storage.ts');
    const script = `
      const { connectStorage } = await import(${JSON.stringify(adapter)});
      connectStorage({ projectId: undefined, apiUrl: undefined });
      const { createRequire } = await import('node:module');
      const cached = Object.keys(createRequire(${JSON.stringify(adapter)}).cache);
      console.log(JSON.stringify(cached.filter((path) => /teeny-request|gaxios/.test(path))));`;
    const told = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    assert.deepEqual(JSON.parse(told), []);
  });

  it('sends no credentials to another server', async () => {
    await using cloud = await prepared();
    await cloud.look();
    assert.equal(cloud.server.requests.length, 1);
    assert.equal(cloud.server.requests[0]?.headers.authorization, undefined);
    assert.match(cloud.server.requests[0]?.url ?? '', /^\/storage\/v1\/b\/bucket\/o\/a/);
  });

  it('takes a network that is away, or shows a certificate of its own, for what may pass', async () => {
    await using proxy = await startSelfSignedServer();
    for (const url of ['http://every-cut.invalid', proxy.url]) {
      const look = metadataOf(connectedTo({ url }, { tries: 1 }), PLACE);
      await assert.rejects(look, (error) => TransientError.is(error) && error.code === 'network', url);
    }
  });

  it('tries again what may pass, as often as it was told to', async () => {
    await using cloud = await prepared({ tries: 4 });
    cloud.server.fault({ operation: 'metadata', does: 'status', status: 503, times: 3 });
    assert.equal((await cloud.look())?.bytes, 4);
    assert.equal(cloud.server.requests.length, 4);
    cloud.server.fault({ operation: 'metadata', does: 'status', status: 503, times: 4 });
    await assert.rejects(cloud.look(), TransientError.is);
    assert.equal(cloud.server.requests.length, 8);
  });

  it('does not try again what cannot pass', async () => {
    await using cloud = await prepared();
    cloud.server.fault({ operation: 'metadata', does: 'status', status: 403 });
    await assert.rejects(cloud.look(), PermanentError.is);
    assert.equal(cloud.server.requests.length, 1);
  });

  it('waits as long as it is asked to, and leaves longer waiting to the caller', async () => {
    await using cloud = await prepared({ pauseMs: 0 });
    const busy = (seconds: string) =>
      cloud.server.fault({
        operation: 'metadata',
        does: 'status',
        status: 429,
        headers: { 'retry-after': seconds },
      });
    busy('1');
    const looking = cloud.look();
    await until(() => cloud.server.requests[0]?.closed === true, 'the first answer');
    await pause(300);
    assert.equal(cloud.server.requests.length, 1, 'it did not wait');
    assert.equal((await looking)?.bytes, 4);
    busy('60');
    await assert.rejects(cloud.look(), (error) => TransientError.is(error) && error.retryAfterMs === 60_000);
    assert.equal(cloud.server.requests.length, 3);
  });

  it('ends a call that gets no answer', async () => {
    await using cloud = await prepared({ callMs: 100, tries: 2 });
    cloud.server.fault({ operation: 'metadata', does: 'hang', times: 2 });
    await assert.rejects(
      cloud.look(),
      (error) => TransientError.is(error) && /ETIMEDOUT/.test(error.message),
    );
    assert.equal(cloud.server.requests.length, 2);
  });

  it('stops at once when it is told to: before, during and between tries', async () => {
    await using cloud = await prepared({ pauseMs: 60_000 });
    const reason = new Error('The host stops');
    await assert.rejects(cloud.look(AbortSignal.abort(reason)), reason);
    assert.equal(cloud.server.requests.length, 0);
    for (const fault of [
      { does: 'hang' },
      { does: 'status', status: 503 },
      { does: 'status', status: 503, headers: { 'retry-after': '5' } },
    ] as const) {
      const stop = new AbortController();
      cloud.server.fault({ operation: 'metadata', ...fault });
      const before = cloud.server.requests.length;
      const looking = cloud.look(stop.signal);
      await until(() => cloud.server.requests.length > before, 'the request');
      if (fault.does === 'status')
        await until(() => cloud.server.requests.at(-1)?.closed === true, 'its answer');
      stop.abort(reason);
      await assert.rejects(looking, reason);
    }
  });
});
