import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createDiskUploads, type DiskUploadsOptions } from '../../../functions/adapters/disk/uploads.ts';
import { createDiskRoom } from '../../../functions/adapters/shared/disk-room.ts';
import { RequestError, TransientError } from '../../../functions/base/errors.ts';
import type { SentFile } from '../../../functions/ports/uploads.ts';
import { uploadsContract } from '../../contracts/uploads.ts';
import { failureOf } from '../../fixtures/network/downloading.ts';
import { FORGED_SEAL, SEAL } from '../../fixtures/system/seal.ts';
import { tempDir } from '../../fixtures/system/temp-dir.ts';
import { newUploadId } from '../../fixtures/system/upload-id.ts';

const BASE = 'http://127.0.0.1:8080';
const HOUR = 3_600_000;
const BYTES = Buffer.alloc(100_000, 'clip');
const { signal } = new AbortController();

async function* inChunks(...chunks: (Uint8Array | Error)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) {
    if (chunk instanceof Error) throw chunk;
    yield chunk;
  }
}

async function stage(options: Partial<DiskUploadsOptions> = {}) {
  const dir = await tempDir();
  const folder = join(dir.path, 'uploads');
  const uploads = createDiskUploads({ dir: folder, seal: SEAL, maxBytes: 1_000_000, ...options });
  const id = newUploadId('Hook A.mp4');
  const offered = await uploads.offer({ id, bytes: BYTES.length, type: 'video/mp4', base: BASE });
  const query = new URL(offered.url).searchParams;
  return {
    uploads,
    id,
    offered,
    query,
    file: join(dir.path, 'copy'),
    path: join(folder, id),
    names: () => (readdirSync(dir.path).includes('uploads') ? readdirSync(folder) : []),
    send: (sent: Partial<SentFile> = {}, to = query) =>
      uploads.receiver.receive(id, to, {
        type: 'video/mp4',
        bytes: undefined,
        body: inChunks(BYTES.subarray(0, 30_000), BYTES.subarray(30_000)),
        signal,
        ...sent,
      }),
    [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose](),
  };
}

async function refused(work: Promise<unknown>, code: string, says: RegExp): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(RequestError.is(error), String(error));
    assert.equal(error.code, code);
    assert.match(error.message, says);
    return true;
  });
}

uploadsContract('The disk', async () => {
  const dir = await tempDir();
  const uploads = createDiskUploads({ dir: join(dir.path, 'uploads'), seal: SEAL, maxBytes: 1_000_000 });
  return {
    store: uploads,
    async put(url, headers, body) {
      const { pathname, searchParams } = new URL(url);
      const id = decodeURIComponent(pathname.replace('/uploads/', ''));
      const sent = { type: headers['content-type'] ?? null, bytes: body.length, signal };
      const done = uploads.receiver.receive(id, searchParams, { ...sent, body: inChunks(body) });
      return done.then(
        () => true,
        () => false,
      );
    },
    remove: () => uploads.removeOld().then(() => {}),
    [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose](),
  };
});

describe('createDiskUploads', () => {
  it('gives a URL of this service that is valid for a day', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.UTC(2026, 10, 29) });
    await using s = await stage();
    assert.deepEqual(s.offered.headers, { 'content-type': 'video/mp4' });
    assert.equal(s.offered.expiresAt.toISOString(), '2026-11-30T00:00:00.000Z');
    assert.ok(s.offered.url.startsWith(`${BASE}/uploads/${s.id}?`));
    assert.deepEqual([...s.query.keys()], ['bytes', 'type', 'expires', 'signature']);
    assert.ok(s.uploads.receiver.isOurs(s.id, s.query));
  });

  it('keeps nothing but the file, under its id', async () => {
    await using s = await stage();
    await s.send();
    assert.deepEqual(s.names(), [s.id]);
    assert.ok(BYTES.equals(await readFile(s.path)));
  });

  const forged: readonly [what: string, change: (query: URLSearchParams) => void][] = [
    ['another signature', (query) => query.set('signature', `${query.get('signature')}x`)],
    ['no signature', (query) => query.delete('signature')],
    ['a later end', (query) => query.set('expires', `${Number(query.get('expires')) + 1}`)],
    ['another length', (query) => query.set('bytes', '100001')],
    ['another type', (query) => query.set('type', 'text/html')],
  ];
  for (const [what, change] of forged) {
    it(`refuses a URL with ${what}`, async () => {
      await using s = await stage();
      const query = new URLSearchParams(s.query);
      change(query);
      assert.equal(s.uploads.receiver.isOurs(s.id, query), false);
      await refused(
        s.send({}, query),
        'upload_forbidden',
        /upload_url that POST \/uploads gave, got another one/,
      );
      assert.deepEqual(s.names(), []);
    });
  }

  it('refuses a URL for another id, and one that was signed with another key', async () => {
    await using s = await stage();
    assert.equal(s.uploads.receiver.isOurs(newUploadId('Hook A.mp4'), s.query), false);
    await using other = await stage({ seal: FORGED_SEAL });
    assert.equal(s.uploads.receiver.isOurs(other.id, other.query), false);
  });

  it('refuses an expired URL, which it still knows as its own', async (t) => {
    await using s = await stage();
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 24 * HOUR + 1_000 });
    assert.ok(s.uploads.receiver.isOurs(s.id, s.query));
    await refused(s.send(), 'upload_forbidden', /got one that expired on 20/);
  });

  it('refuses another type or length before it reads the body', async () => {
    await using s = await stage();
    const unread = { body: inChunks(new Error('was read')) };
    await refused(s.send({ ...unread, type: null }), 'upload_mismatch', /Content-Type: video\/mp4.*got none/);
    await refused(s.send({ ...unread, type: 'text/html' }), 'upload_mismatch', /got "text\/html"/);
    await refused(s.send({ ...unread, bytes: 99_999 }), 'upload_mismatch', /100000 bytes.*got 99999/);
  });

  const broken: readonly [what: string, body: () => AsyncIterable<Uint8Array>, code: string, says: RegExp][] =
    [
      [
        'too short',
        () => inChunks(BYTES.subarray(1)),
        'upload_mismatch',
        /100000 bytes, as announced, got 99999/,
      ],
      ['empty', () => inChunks(), 'upload_mismatch', /got 0/],
      ['too long', () => inChunks(BYTES, Buffer.alloc(1)), 'upload_mismatch', /got more/],
      ['cut', () => inChunks(BYTES.subarray(1), new Error('aborted')), 'request_timeout', /lost connection/],
    ];
  for (const [what, body, code, says] of broken) {
    it(`keeps nothing of a body that is ${what}, and takes the whole one afterwards`, async () => {
      await using s = await stage();
      await refused(s.send({ body: body() }), code, says);
      assert.deepEqual(s.names(), []);
      await s.send();
      assert.deepEqual(s.names(), [s.id]);
    });
  }

  it('ends a body that arrives too slowly, and one that does not go on', async () => {
    await using s = await stage({ leastRate: { bytesPerSecond: 1024, windowMs: 40 } });
    async function* silent(): AsyncGenerator<Uint8Array> {
      yield BYTES.subarray(0, 10);
      await new Promise(() => {});
    }
    await refused(
      s.send({ body: silent() }),
      'request_timeout',
      /Expected 1 KB or more a second.*Nothing was kept/,
    );
    assert.deepEqual(s.names(), []);
  });

  it('stops at once when the caller is gone', async () => {
    await using s = await stage();
    const gone = new AbortController();
    async function* leaving(): AsyncGenerator<Uint8Array> {
      yield BYTES.subarray(0, 10);
      gone.abort();
      await new Promise(() => {});
    }
    await refused(s.send({ body: leaving(), signal: gone.signal }), 'request_timeout', /lost connection/);
    assert.deepEqual(s.names(), []);
  });

  it('leaves a whole file in place while the same one arrives again, and if that fails', async () => {
    await using s = await stage();
    await s.send();
    await refused(s.send({ body: inChunks(BYTES.subarray(1)) }), 'upload_mismatch', /got 99999/);
    assert.deepEqual(await s.uploads.areThere([s.id]), [true]);
    assert.ok(BYTES.equals(await readFile(s.path)));
    assert.deepEqual(s.names(), [s.id]);
  });

  it('keeps one whole file of two that arrive at once', async () => {
    await using s = await stage();
    const other = Buffer.alloc(BYTES.length, 'other');
    const sent = await Promise.allSettled([s.send(), s.send({ body: inChunks(other) })]);
    assert.deepEqual(sent.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
    const kept = await readFile(s.path);
    assert.ok(kept.equals(sent[0].status === 'fulfilled' ? BYTES : other), 'the one that was answered well');
    assert.deepEqual(s.names(), [s.id]);
  });

  it('never changes a file that has arrived, whatever is sent to its URL', async () => {
    await using s = await stage();
    await s.send();
    await s.send();
    const other = inChunks(Buffer.alloc(BYTES.length, 'other'));
    await refused(s.send({ body: other }), 'upload_mismatch', /that was sent there before, got another one/);
    assert.ok(BYTES.equals(await readFile(s.path)));
    assert.deepEqual(s.names(), [s.id]);
  });

  it('refuses with disk_full what has no room, before it reads the body', async () => {
    const room = createDiskRoom({ measure: async () => ({ free: 1_000, total: 1_000_000_000 }) });
    await using s = await stage({ room });
    await assert.rejects(
      s.send({ body: inChunks(new Error('was read')) }),
      (error) => TransientError.is(error) && error.code === 'disk_full' && !error.message.includes(s.id),
    );
    assert.deepEqual(s.names(), []);
  });

  it('reads no file larger than MAX_SOURCE_MB, which may have been lowered', async () => {
    await using s = await stage({ maxBytes: 50_000 });
    await s.send();
    await failureOf(s.uploads.read(s.id, s.file, { signal }), 'source_too_large', /upload:Hook_A/);
  });

  it('removes uploads after eight days and unfinished ones after an hour, and nothing else', async () => {
    await using s = await stage();
    await s.send();
    const part = () => join(s.path, '..', `.${s.id.slice(0, 32)}.${crypto.randomUUID()}.part`);
    const [old, young] = [part(), part()];
    await writeFile(old, 'x');
    await writeFile(young, 'x');
    const ago = (ms: number) => new Date(Date.now() - ms);
    await utimes(old, ago(2 * HOUR), ago(2 * HOUR));
    await utimes(s.path, ago(191 * HOUR), ago(191 * HOUR));
    assert.equal(await s.uploads.removeOld(), 1);
    assert.equal(s.names().length, 2);
    await utimes(s.path, ago(193 * HOUR), ago(193 * HOUR));
    assert.equal(await s.uploads.removeOld(), 1);
    assert.equal(s.names().length, 1);
  });
});
