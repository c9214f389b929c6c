import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createStorageDownloads } from '../../../functions/adapters/storage/downloads.ts';
import { createStorageUploads } from '../../../functions/adapters/storage/uploads.ts';
import { TransientError } from '../../../functions/base/errors.ts';
import { uploadsContract } from '../../contracts/uploads.ts';
import { connectedTo } from '../../fixtures/storage/connection.ts';
import { type StorageServer, startStorageServer } from '../../fixtures/storage/server.ts';
import { environment } from '../../fixtures/system/environment.ts';
import { type TempDir, tempDir } from '../../fixtures/system/temp-dir.ts';
import { newUploadId } from '../../fixtures/system/upload-id.ts';

const REMOVED_AFTER_MS = 8 * 86_400_000;

describe('uploads to Cloud Storage', () => {
  /** One server for all, because its key takes a tenth of a second. */
  let server: StorageServer;
  let dir: TempDir;
  let credentials: Disposable;
  before(async () => {
    server = await startStorageServer();
    dir = await tempDir();
    credentials = environment({ GOOGLE_APPLICATION_CREDENTIALS: await server.account.keyFile(dir.path) });
  });
  after(async () => {
    credentials[Symbol.dispose]();
    await server[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });

  function connected() {
    const storage = connectedTo(server);
    const downloads = createStorageDownloads({ storage, maxBytes: 1_000_000 });
    return createStorageUploads({ storage, bucket: 'bucket', downloads });
  }

  uploadsContract('Cloud Storage', async () => ({
    store: connected(),
    put: async (url, headers, body) =>
      (await fetch(url, { method: 'PUT', headers, body: new Uint8Array(body) })).ok,
    async remove() {
      for (const { name, createdAt } of [...server.objects.bucket('bucket').values()]) {
        if (Date.now() - Date.parse(createdAt) >= REMOVED_AFTER_MS) server.objects.delete('bucket', name, {});
      }
    },
    async [Symbol.asyncDispose]() {},
  }));

  describe('createStorageUploads', { timeout: 60_000 }, () => {
    const id = newUploadId('hook.mp4');
    const offer = { id, bytes: 5, type: 'video/mp4', base: 'http://127.0.0.1:8080' };

    it('signs the type and the exact length, for a day, under uploads/', async () => {
      const { url, headers, expiresAt } = await connected().offer(offer);
      const { pathname, searchParams } = new URL(url);
      assert.equal(pathname, `/bucket/uploads/${id}`);
      assert.deepEqual(headers, { 'content-type': 'video/mp4', 'x-goog-content-length-range': '5,5' });
      assert.equal(searchParams.get('X-Goog-SignedHeaders'), 'content-type;host;x-goog-content-length-range');
      const left = expiresAt.getTime() - Date.now();
      assert.ok(left > 86_000_000 && left <= 86_400_000);
      const put = (body: string, sent: Record<string, string> = headers) =>
        fetch(url, { method: 'PUT', headers: sent, body });
      assert.equal((await put('video')).status, 200);
      assert.equal((await put('vide')).status, 400);
      assert.equal((await put('videos')).status, 400);
      assert.equal((await put('video', { 'content-type': 'video/mp4' })).status, 403, 'without the length');
      assert.equal(server.objects.find('bucket', `uploads/${id}`).contentType, 'video/mp4');
    });

    it('is transient where the bucket does not answer, and names no id', async () => {
      server.fault({ operation: 'metadata', does: 'status', status: 503 });
      await assert.rejects(connected().areThere([id]), (error) => {
        assert.ok(TransientError.is(error) && error.code === 'platform_unavailable');
        assert.match(error.message, /upload:hook/);
        assert.doesNotMatch(error.message, new RegExp(id));
        return true;
      });
    });
  });
});
