/** Videos on Cloud Storage and Google Drive, over HTTP. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createStorageOutputs } from '../../functions/adapters/storage/outputs.ts';
import { driveStage } from '../fixtures/drive/stage.ts';
import { unzip } from '../fixtures/gcloud/unzip.ts';
import { type SavedVideos, savedVideos } from '../fixtures/hosts/saved-videos.ts';
import { connectedTo } from '../fixtures/storage/connection.ts';
import { startStorageServer } from '../fixtures/storage/server.ts';
import { environment } from '../fixtures/system/environment.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

const VIDEOS = [randomBytes(300_000), randomBytes(100_000)] as const;

async function saveAll(s: SavedVideos): Promise<void> {
  for (const [at, video] of VIDEOS.entries()) await s.save(at + 1, video);
  await s.end();
}

async function checkZip(s: SavedVideos): Promise<void> {
  const response = await s.get('/manifest.zip');
  assert.equal(response.status, 200);
  const files = unzip(Buffer.from(await response.arrayBuffer()));
  assert.equal(files.size, 2 + VIDEOS.length);
  for (const [at, video] of VIDEOS.entries()) assert.deepEqual(files.get(s.nameOf(at + 1)), video);
}

async function codeOf(response: Response): Promise<unknown> {
  const { code } = (await response.json()) as Record<string, unknown>;
  return [response.status, code];
}

describe('on Cloud Storage', { timeout: 60_000 }, () => {
  async function stage(credentials: 'key' | 'person') {
    const opened = new AsyncDisposableStack();
    const server = opened.use(await startStorageServer());
    const dir = opened.use(await tempDir());
    const keyFile = await server.account.keyFile(dir.path);
    const person = { type: 'authorized_user', client_id: 'a', client_secret: 'b', refresh_token: 'c' };
    const personFile = join(dir.path, 'person.json');
    await writeFile(personFile, JSON.stringify(person));
    const file = credentials === 'key' ? keyFile : personFile;
    opened.use(environment({ GOOGLE_APPLICATION_CREDENTIALS: file }));
    const outputs = createStorageOutputs({ storage: connectedTo(server), bucket: 'bucket' });
    const s = opened.use(await savedVideos({ outputs, combinations: VIDEOS.length }));
    await saveAll(s);
    return { ...s, storage: server, [Symbol.asyncDispose]: () => opened.disposeAsync() };
  }

  test('a video is redirected to an address that plays it, in parts too, without an account', async () => {
    await using s = await stage('key');
    const { status, headers } = await s.get('/renders/1/video');
    assert.equal(status, 302);
    const location = headers.get('location') ?? '';
    const video = await fetch(location, { headers: { range: 'bytes=5-9' } });
    assert.equal(video.status, 206);
    assert.deepEqual(Buffer.from(await video.arrayBuffer()), VIDEOS[0].subarray(5, 10));
    assert.equal(video.headers.get('content-type'), 'video/mp4');
    assert.match(
      video.headers.get('content-disposition') ?? '',
      new RegExp(`^inline; filename="${s.nameOf(1)}"`),
    );
    assert.equal(new URL(location).searchParams.get('X-Goog-Expires'), '900');
  });

  test('a video is sent by the service if it cannot sign, with ranges', async () => {
    await using s = await stage('person');
    const response = await s.get('/renders/1/video', { headers: { range: 'bytes=5-9' } });
    assert.equal(response.status, 206);
    assert.deepEqual(Buffer.from(await response.arrayBuffer()), VIDEOS[0].subarray(5, 10));
    assert.match(String(s.logged('video.not_linked')[0]?.['message']), /Token Creator/);
  });

  test('a video that was removed is gone, and so is the zip', async () => {
    await using s = await stage('key');
    await s.outputs.remove(s.task.folder, [s.nameOf(2)]);
    assert.deepEqual(await codeOf(await s.get('/renders/2/video')), [410, 'video_gone']);
    assert.deepEqual(await codeOf(await s.get('/manifest.zip')), [410, 'video_gone']);
  });

  test('all videos come in one zip, over short failures', async () => {
    await using s = await stage('key');
    s.storage.fault({ operation: 'media', does: 'cut', afterBytes: 150_000 });
    s.storage.fault({ operation: 'media', does: 'status', status: 503 });
    await checkZip(s);
    assert.ok(
      s.storage.requests.some(({ headers }) => headers.range !== undefined),
      'it goes on where it stopped',
    );
  });
});

describe('on Google Drive', { timeout: 60_000 }, () => {
  async function stage() {
    const opened = new AsyncDisposableStack();
    const drive = opened.use(await driveStage());
    const s = opened.use(await savedVideos({ outputs: drive.outputs(), combinations: VIDEOS.length }));
    await saveAll(s);
    return { ...s, drive, [Symbol.asyncDispose]: () => opened.disposeAsync() };
  }

  test('a video is redirected to its page there', async () => {
    await using s = await stage();
    const { status, headers } = await s.get('/renders/1/video');
    assert.equal(status, 302);
    assert.match(headers.get('location') ?? '', /^https:\/\/drive\.google\.com\/file\/d\//);
  });

  test('a video in the trash is gone, and so is the zip', async () => {
    await using s = await stage();
    const owner = { taskId: s.task.id, isCurrent: async () => true };
    await s.outputs.remove(s.task.folder, [s.nameOf(2)], owner);
    assert.deepEqual(await codeOf(await s.get('/renders/2/video')), [410, 'video_gone']);
    assert.deepEqual(await codeOf(await s.get('/manifest.zip')), [410, 'video_gone']);
  });

  test('all videos come in one zip, over short failures', async () => {
    await using s = await stage();
    s.drive.server.faults.add('media', { does: 'cut', afterBytes: 150_000 });
    s.drive.server.faults.add('media', { does: 'refuse', status: 503 }, { skip: 1 });
    await checkZip(s);
  });
});
