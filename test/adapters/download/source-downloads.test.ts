import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createDiskUploads } from '../../../functions/adapters/disk/uploads.ts';
import { createWebDownloads } from '../../../functions/adapters/download/download.ts';
import {
  createSourceDownloads,
  type SourceDownloadsOptions,
} from '../../../functions/adapters/download/source-downloads.ts';
import { createDriveDownloads } from '../../../functions/adapters/drive/downloads.ts';
import { createStorageDownloads } from '../../../functions/adapters/storage/downloads.ts';
import type { SourceRules } from '../../../functions/model/source-location.ts';
import { driveStage } from '../../fixtures/drive/stage.ts';
import { failureOf } from '../../fixtures/network/downloading.ts';
import { addressOf } from '../../fixtures/network/source-address.ts';
import { type SourceFile, startSourceServer } from '../../fixtures/network/source-server.ts';
import { connectedTo } from '../../fixtures/storage/connection.ts';
import { startStorageServer } from '../../fixtures/storage/server.ts';
import { SEAL } from '../../fixtures/system/seal.ts';
import { tempDir } from '../../fixtures/system/temp-dir.ts';

const ID = '1AbC_dEf-GhIjKlMnOpQrStUvWxYz0123';
const LINK = `https://drive.google.com/file/d/${ID}/view`;
const PAGE: SourceFile = {
  body: Buffer.from('<html>Sign in</html>'),
  contentType: 'text/html; charset=utf-8',
};
const { signal } = new AbortController();

/**
 * Has the buckets `clips`, which callers may name, `others`, and `own`. `shared` is the file on Drive that anyone
 * may download.
 */
async function stage(shared: SourceFile, more: Partial<SourceDownloadsOptions> = {}) {
  await using starting = new AsyncDisposableStack();
  const dir = starting.use(await tempDir());
  const server = starting.use(await startSourceServer({ '/download': shared }));
  const buckets = starting.use(await startStorageServer(['clips', 'others', 'own']));
  const web = starting.use(createWebDownloads({ allowPrivate: true, maxBytes: 1_000_000 }));
  const downloads = createSourceDownloads({
    rules: { buckets: ['clips'], ownBuckets: ['own'] },
    web,
    storage: createStorageDownloads({ storage: connectedTo(buckets), maxBytes: 1_000_000 }),
    uploads: createDiskUploads({ dir: join(dir.path, 'uploads'), seal: SEAL, maxBytes: 1_000_000 }),
    driveLinkUrl: server.url('/download'),
    ...more,
  });
  const file = join(dir.path, 'file');
  const running = starting.move();
  return {
    server,
    buckets,
    /** As a request with that URL was accepted, when callers could name any bucket unless the rules say otherwise. */
    get: (url: string, accepted: Partial<SourceRules> = { buckets: ['clips', 'others', 'own'] }) =>
      downloads.get(addressOf(url, accepted).location, file, { signal }),
    text: () => readFile(file, 'utf8'),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

describe('sources', () => {
  it('on Drive are read like any shared link if there is no account', async () => {
    await using s = await stage({ body: Buffer.from('clip') });
    await s.get(`${LINK}?usp=sharing&resourcekey=0-key`);
    assert.equal(await s.text(), 'clip');
    const [seen] = s.server.seen('/download');
    const query = new URL(seen?.url ?? '', 'http://x.invalid').searchParams;
    assert.deepEqual(Object.fromEntries(query), {
      id: ID,
      export: 'download',
      confirm: 't',
      resourcekey: '0-key',
    });
    assert.equal(seen?.headers.authorization, undefined);
  });

  it('on Drive that are not shared are refused with a next step, because Drive answers with a web page', async () => {
    await using s = await stage(PAGE);
    const error = await failureOf(
      s.get(LINK),
      'source_forbidden',
      /anyone who has the link.*Next step: share it like that/,
    );
    assert.match(error.message, new RegExp(ID));
    assert.match(error.message, /DRIVE_AUTH/);
  });

  it('on Drive are read by the account only if it may share them', async () => {
    await using drive = await driveStage();
    const content = Buffer.from('by account');
    const open = drive.server.state.add({
      name: 'a.mp4',
      content,
      permissions: [{ type: 'anyone', role: 'reader' }],
    });
    const secret = drive.server.state.add({ name: 'b.mp4', content });
    const account = createDriveDownloads({ account: drive.account(), maxBytes: 1_000_000, anyFile: false });
    await using s = await stage(PAGE, { drive: account });
    await s.get(`https://drive.google.com/file/d/${open}/view`);
    assert.equal(await s.text(), 'by account');
    assert.equal(s.server.count(), 0);
    const read = s.get(`https://drive.google.com/file/d/${secret}/view`);
    await failureOf(read, 'source_forbidden', /DRIVE_SOURCES=account/);
    assert.equal(drive.server.seen('media').length, 1);
    assert.equal(s.server.count(), 1);
  });

  it('on Drive that are busy or missing fail like those on any server', async () => {
    await using busy = await stage({ body: Buffer.from('x'), always: { does: 'status', status: 503 } });
    await failureOf(busy.get(LINK), 'source_busy');
    await using gone = await stage({ body: Buffer.from('x'), always: { does: 'status', status: 404 } });
    await failureOf(gone.get(LINK), 'source_not_found');
  });

  it('in buckets that callers may name are read by the service account, and in no others', async () => {
    await using s = await stage(PAGE);
    for (const bucket of ['clips', 'others', 'own']) {
      s.buckets.objects.insert(bucket, 'deep/a b.mp4', Buffer.from(`of ${bucket}`), {});
    }
    for (const url of [
      'gs://clips/deep/a b.mp4',
      'https://storage.googleapis.com/clips/deep/a%20b.mp4',
      'https://clips.storage.googleapis.com/deep/a%20b.mp4',
    ]) {
      await s.get(url);
      assert.equal(await s.text(), 'of clips', url);
    }
    const asked = s.buckets.requests.length;
    await failureOf(s.get('gs://others/deep/a b.mp4'), 'source_forbidden', /SOURCE_BUCKETS/);
    await failureOf(s.get('gs://own/deep/a b.mp4'), 'source_forbidden', /its own files/);
    const own = 'https://storage.googleapis.com/own/deep/a%20b.mp4';
    await failureOf(s.get(own), 'source_forbidden', /its own files/);
    await failureOf(s.get(own, { buckets: [] }), 'source_forbidden', /its own files/);
    assert.equal(s.buckets.requests.length, asked, 'nobody asked');
  });

  it('in a bucket are never read from elsewhere, whatever an object is called', async () => {
    await using s = await stage(PAGE);
    s.buckets.objects.insert('own', 'secret', Buffer.from('secret'), {});
    const names = [
      '../../own/o/secret',
      '..%2F..%2Fown%2Fo%2Fsecret',
      '%2e%2e/%2e%2e/own/o/secret',
      'x/../../../b/own/o/secret',
      '/secret',
      '//127.0.0.1/secret',
      'http://127.0.0.1/secret',
      'a?alt=media&x=/b/own/o/secret',
      'a#/b/own/o/secret',
      'a\\..\\..\\own',
      '@127.0.0.1:1/',
    ];
    for (const name of names) {
      await failureOf(s.get(`gs://clips/${name}`), 'source_not_found');
      const { bucket, object } = lastAsked(s.buckets.requests.at(-1)?.url);
      assert.deepEqual([bucket, object], ['clips', name]);
    }
    assert.equal(s.server.count(), 0);
  });
});

/** The bucket and object of a JSON API request. */
function lastAsked(url = ''): { bucket: string | undefined; object: string | undefined } {
  const [, bucket, object = ''] = /^\/storage\/v1\/b\/([^/]+)\/o\/([^/?#]+)(?:\?|$)/.exec(url) ?? [];
  return { bucket, object: decodeURIComponent(object) };
}
