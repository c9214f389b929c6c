import assert from 'node:assert/strict';
import { createSign } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { signedUrl } from '../../../functions/adapters/storage/signed-url.ts';
import { connectStorage } from '../../../functions/adapters/storage/storage.ts';
import { TransientError } from '../../../functions/base/errors.ts';
import { connectedTo } from '../../fixtures/storage/connection.ts';
import { type StorageServer, startStorageServer } from '../../fixtures/storage/server.ts';
import { environment } from '../../fixtures/system/environment.ts';
import { type TempDir, tempDir } from '../../fixtures/system/temp-dir.ts';

const PLACE = { purpose: 'outputs', bucket: 'bucket', name: 'Frühling/0001 a&b+c.mp4' } as const;
const soon = () => Date.now() + 60_000;

describe('signedUrl', { timeout: 60_000 }, () => {
  let server: StorageServer;
  let dir: TempDir;
  let keyFile: string;

  before(async () => {
    server = await startStorageServer();
    dir = await tempDir();
    keyFile = await server.account.keyFile(dir.path);
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });

  it('lets whoever has it read the object, with the type and the name that were asked for', async () => {
    using _ = environment({ GOOGLE_APPLICATION_CREDENTIALS: keyFile });
    server.objects.insert(PLACE.bucket, PLACE.name, Buffer.from('video'), { contentType: 'video/mp4' });
    const query = { 'response-content-disposition': `inline; filename*=UTF-8''${encodeURIComponent('ü')}` };
    const url = await signedUrl(connectedTo(server), PLACE, { method: 'GET', expiresAt: soon(), query });
    const answer = await fetch(url, { headers: { range: 'bytes=1-2' } });
    assert.deepEqual([answer.status, await answer.text()], [206, 'id']);
    assert.equal(answer.headers.get('content-disposition'), query['response-content-disposition']);
    assert.equal(server.requests.at(-1)?.headers.authorization, undefined);
  });

  it('lets whoever has it write the object, with exactly the signed headers', async () => {
    using _ = environment({ GOOGLE_APPLICATION_CREDENTIALS: keyFile });
    const place = { ...PLACE, name: 'uploads/1' };
    const headers = { 'content-type': 'video/mp4', 'x-goog-content-length-range': '0,5' };
    const put = (url: string, body: string, sent: Record<string, string> = headers) =>
      fetch(url, { method: 'PUT', headers: sent, body });
    const url = await signedUrl(connectedTo(server), place, { method: 'PUT', expiresAt: soon(), headers });
    assert.equal((await put(url, 'video')).status, 200);
    assert.equal(server.objects.find('bucket', 'uploads/1').contentType, 'video/mp4');
    assert.equal((await put(url, 'longer')).status, 400);
    assert.equal((await put(url, 'video', { ...headers, 'content-type': 'text/html' })).status, 403);
    assert.equal((await fetch(url)).status, 403, 'another method');
  });

  it('is of no use for another object, with another parameter, or once it has expired', async (t) => {
    using _ = environment({ GOOGLE_APPLICATION_CREDENTIALS: keyFile });
    server.objects.insert('bucket', 'a', Buffer.from('a'), {});
    server.objects.insert('bucket', 'b', Buffer.from('b'), {});
    const place = { ...PLACE, name: 'a' };
    const url = await signedUrl(connectedTo(server), place, { method: 'GET', expiresAt: soon() });
    assert.equal((await fetch(url)).status, 200);
    assert.equal((await fetch(url.replace('/bucket/a?', '/bucket/b?'))).status, 403);
    assert.equal((await fetch(`${url}&response-content-type=text%2Fhtml`)).status, 403);
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 61_000 });
    assert.equal((await fetch(url)).status, 403);
  });

  it('is signed by IAM where the service has no key, as on Cloud Run', async () => {
    await using google = await startMetadataServer(server.account.email, server.account.privateKey);
    using _ = environment({ GCE_METADATA_HOST: google.host, METADATA_SERVER_DETECTION: 'assume-present' });
    const storage = connectStorage({
      projectId: 'project',
      apiUrl: server.url,
      signingUrl: `http://${google.host}/sign/`,
    });
    server.objects.insert('bucket', 'a', Buffer.from('a'), {});
    const place = { ...PLACE, name: 'a' };
    const url = await signedUrl(storage, place, { method: 'GET', expiresAt: soon() });
    assert.equal(await (await fetch(url)).text(), 'a');
    assert.equal(google.signed.length, 1);
    google.refuse = true;
    await assert.rejects(
      signedUrl(storage, place, { method: 'GET', expiresAt: soon() }),
      (error) =>
        TransientError.is(error) &&
        error.code === 'platform_unavailable' &&
        /signBlob.*Service Account Token Creator/.test(error.message),
    );
  });

  it('cannot be had with the credentials of a person', async () => {
    const path = `${dir.path}/person.json`;
    await writeFile(
      path,
      '{"type":"authorized_user","client_id":"a","client_secret":"b","refresh_token":"c"}',
    );
    using _ = environment({ GOOGLE_APPLICATION_CREDENTIALS: path });
    const storage = connectStorage({
      projectId: 'project',
      apiUrl: server.url,
      signingUrl: 'http://127.0.0.1:1/',
    });
    await assert.rejects(
      signedUrl(storage, PLACE, { method: 'GET', expiresAt: soon() }),
      (error) => TransientError.is(error) && error.code === 'platform_unavailable',
    );
  });
});

/** The metadata server of Cloud Run, which says who the service is, and IAM, which signs for it. */
async function startMetadataServer(email: string, privateKey: string) {
  const state = { signed: [] as string[], refuse: false };
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://metadata.invalid');
    const json = (value: unknown, status = 200) =>
      response
        .writeHead(status, { 'metadata-flavor': 'Google', 'content-type': 'application/json' })
        .end(JSON.stringify(value));
    if (pathname === `/sign/${email}:signBlob`) {
      if (state.refuse) {
        const message = "Permission 'iam.serviceAccounts.signBlob' denied on resource (or it may not exist).";
        return void json({ error: { code: 403, message, status: 'PERMISSION_DENIED' } }, 403);
      }
      assert.equal(request.headers.authorization, 'Bearer token-of-cloud-run');
      const payload = Buffer.from(JSON.parse(await text(request)).payload, 'base64');
      state.signed.push(payload.toString());
      return void json({ signedBlob: createSign('RSA-SHA256').update(payload).sign(privateKey, 'base64') });
    }
    if (pathname.endsWith('/token'))
      return void json({ access_token: 'token-of-cloud-run', expires_in: 3600 });
    response.writeHead(200, { 'metadata-flavor': 'Google', 'content-type': 'text/plain' });
    response.end(pathname.endsWith('/email') ? email : 'googleapis.com');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(state, {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  });
}
