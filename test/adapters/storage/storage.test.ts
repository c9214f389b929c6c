import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { metadataOf } from '../../../functions/adapters/storage/read.ts';
import type { StorageLimits } from '../../../functions/adapters/storage/storage.ts';
import { PermanentError, TransientError } from '../../../functions/base/errors.ts';
import { until } from '../../contracts/harness.ts';
import { startSelfSignedServer } from '../../fixtures/network/self-signed.ts';
import { connectedTo } from '../../fixtures/storage/connection.ts';
import { startStorageServer } from '../../fixtures/storage/server.ts';
import { repeated } from '../../fixtures/system/repeated.ts';

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
  it('loads the client only at the first call', () => {
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

  it('treats an unreachable network or a self-signed certificate as transient', async () => {
    await using proxy = await startSelfSignedServer();
    for (const url of ['http://every-cut.invalid', proxy.url]) {
      const look = metadataOf(connectedTo({ url }), PLACE);
      await assert.rejects(look, (error) => TransientError.is(error) && error.code === 'network', url);
    }
  });

  it('tries a call once, and leaves retries to its caller', async () => {
    await using cloud = await prepared();
    cloud.server.fault({ operation: 'metadata', does: 'status', status: 503, times: 4 });
    await assert.rejects(cloud.look(), TransientError.is);
    assert.equal(cloud.server.requests.length, 1);
    assert.equal((await repeated(() => cloud.look()))?.bytes, 4);
    assert.equal(cloud.server.requests.length, 5);
  });

  it('fails permanently after a refusal', async () => {
    await using cloud = await prepared();
    cloud.server.fault({ operation: 'metadata', does: 'status', status: 403 });
    await assert.rejects(cloud.look(), PermanentError.is);
    assert.equal(cloud.server.requests.length, 1);
  });

  it('passes on how long it is asked to wait, and does not wait itself', async () => {
    await using cloud = await prepared();
    for (const seconds of ['1', '60']) {
      cloud.server.fault({
        operation: 'metadata',
        does: 'status',
        status: 429,
        headers: { 'retry-after': seconds },
      });
      await assert.rejects(
        cloud.look(),
        (error) => TransientError.is(error) && error.retryAfterMs === Number(seconds) * 1000,
      );
    }
    assert.equal(cloud.server.requests.length, 2);
    assert.equal((await cloud.look())?.bytes, 4);
  });

  it('ends a call that gets no answer', async () => {
    await using cloud = await prepared({ callMs: 100 });
    cloud.server.fault({ operation: 'metadata', does: 'hang' });
    await assert.rejects(
      cloud.look(),
      (error) => TransientError.is(error) && /ETIMEDOUT/.test(error.message),
    );
    assert.equal(cloud.server.requests.length, 1);
  });

  it('stops at once when told to, before a call and during it', async () => {
    await using cloud = await prepared();
    const reason = new Error('The host stops');
    await assert.rejects(cloud.look(AbortSignal.abort(reason)), reason);
    assert.equal(cloud.server.requests.length, 0);
    const stop = new AbortController();
    cloud.server.fault({ operation: 'metadata', does: 'hang' });
    const looking = cloud.look(stop.signal);
    await until(() => cloud.server.requests.length > 0, 'the request');
    stop.abort(reason);
    await assert.rejects(looking, reason);
  });
});
