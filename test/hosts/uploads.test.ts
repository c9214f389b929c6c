/** Uploads at the single-machine host: over real HTTP, to the finished video. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { until } from '../contracts/harness.ts';
import { startTestHost, type TestHost } from '../fixtures/hosts/host.ts';
import { entries, startHostProcess } from '../fixtures/hosts/host-process.ts';
import { askWhere, send, sendPieces, uploaded } from '../fixtures/hosts/sending.ts';
import { makeClip } from '../fixtures/media/finished.ts';
import { EXHAUSTIVE } from '../fixtures/system/sample.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';
import { newUploadId } from '../fixtures/system/upload-id.ts';

const KEY = 'a-key-of-sixteen-characters';
const MB = 2 ** 20;

describe('uploads at the single-machine host', { timeout: 120_000 }, () => {
  let dir: TempDir;
  let host: TestHost;
  let clip: Buffer;

  before(async () => {
    dir = await tempDir();
    clip = readFileSync(await makeClip(join(dir.path, 'red.mp4'), { colour: 'red', frames: 5 }));
    host = await startTestHost(join(dir.path, 'host'), { MAX_SOURCE_MB: '2' });
  });
  after(async () => {
    await host[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });

  const taskOf = (...urls: string[]) => ({ task_name: 'own clips', video_blocks: { hooks: urls } });

  test('become videos, also of one upload that is named twice and in two tasks', async () => {
    const url = await uploaded(host.url, clip, 'My Hook.mp4');
    for (const _ of ['first', 'second']) {
      const { status, renders } = await host.run(taskOf(url, url));
      assert.equal(status['succeeded'], 2);
      assert.match(String(renders[0]?.file_name), /^0001-My_Hook-/);
      assert.deepEqual(renders[0]?.clips, [url]);
    }
    const id = url.slice('upload:'.length);
    assert.deepEqual(readdirSync(join(host.dataDir, 'uploads')), [id]);
    assert.doesNotMatch(JSON.stringify(host.logged()), new RegExp(id), 'the id is in no line of the log');
  });

  test('that are gone when a task is retried fail with source_not_found, which says how long they are kept', async () => {
    const url = await uploaded(host.url, Buffer.from('no film at all'), 'broken.mp4');
    const { id, renders } = await host.run(taskOf(url));
    assert.equal(renders[0]?.error?.code, 'media_unreadable');
    rmSync(join(host.dataDir, 'uploads', url.slice('upload:'.length)));
    const again = await host.retry(id);
    assert.deepEqual(
      [again.renders[0]?.error?.code, again.renders[0]?.error?.stage],
      ['source_not_found', 'download'],
    );
    assert.match(
      String(again.renders[0]?.error?.message),
      /Expected the file of upload:broken, got none: uploads are kept 7 days\. Next step: upload the file again/,
    );
  });

  test('that are unknown, unfinished or of another name are all refused, each mention at its pointer', async () => {
    const whole = await uploaded(host.url, clip);
    const { url: unfinished } = await askWhere(host.url, { bytes: 10, name: 'half.mp4' });
    const unknown = `upload:${'a'.repeat(32)}-x`;
    const body = {
      ...taskOf(whole, unfinished, unknown),
      audio_blocks: { music: [unfinished, `${whole}_`, 'upload:mine'] },
    };
    const wrong = await host.post(body);
    assert.deepEqual(wrong.body['errors'], [
      {
        pointer: '/audio_blocks/music/1',
        code: 'invalid_url',
        message:
          'Expected the url of an upload, got another text after upload:. Use the url of the answer to POST /uploads as it is.',
      },
      {
        pointer: '/audio_blocks/music/2',
        code: 'invalid_url',
        message:
          'Expected the url of an upload, got another text after upload:. Use the url of the answer to POST /uploads as it is.',
      },
    ]);
    for (const dry_run of [false, true]) {
      const { status, body: answer } = await host.post({
        ...body,
        audio_blocks: { music: [unfinished, `${whole}x`] },
        dry_run,
      });
      assert.equal(status, 422);
      assert.deepEqual(
        (answer['errors'] as { pointer: string; code: string }[]).map(({ pointer, code }) => [pointer, code]),
        [
          '/video_blocks/hooks/1',
          '/video_blocks/hooks/2',
          '/audio_blocks/music/0',
          '/audio_blocks/music/1',
        ].map((pointer) => [pointer, 'invalid_url']),
      );
      assert.match(
        JSON.stringify(answer['errors']),
        /Expected an upload that is complete and at most 7 days old, got none as upload:half\. Send its file to its upload_url/,
      );
    }
  });

  test('of more than MAX_SOURCE_MB are refused before anything is sent, as are other wrong announcements', async () => {
    const post = async (body: unknown) => {
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(`${host.url}/uploads`, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
      });
      const { errors } = (await response.json()) as { errors: { pointer: string; message: string }[] };
      return [response.status, ...errors.map(({ pointer, message }) => `${pointer}: ${message}`)];
    };
    assert.deepEqual(await post({ name: 'a.mp4', bytes: 2 * MB + 1, type: 'video/mp4' }), [
      422,
      '/bytes: Expected at most 2 MB (MAX_SOURCE_MB), got 3 MB. Send a smaller file, or raise MAX_SOURCE_MB.',
    ]);
    const [status, ...mistakes] = await post({ name: '', bytes: 1.5, type: 'video', size: 1 });
    assert.equal(status, 422);
    assert.deepEqual(mistakes.map((text) => String(text).split(':')[0]).sort(), [
      '/bytes',
      '/name',
      '/size',
      '/type',
    ]);
  });

  test('answer a client that sends another file, and keep nothing of it', async () => {
    const upload = await askWhere(host.url, { bytes: clip.length, name: 'other.mp4' });
    const before = readdirSync(join(host.dataDir, 'uploads'));
    const long = await send(upload, Buffer.alloc(MB));
    assert.deepEqual([long.status, long.body['code']], [422, 'upload_mismatch']);
    assert.match(
      String(long.body['detail']),
      /Expected \d+ bytes, as announced, got 1048576\. Nothing was kept\./,
    );
    const typed = await send({ ...upload, headers: { 'content-type': 'text/html' } }, clip);
    assert.deepEqual([typed.status, typed.body['code']], [422, 'upload_mismatch']);
    // In chunks, so that the length shows only at the end, or on the way.
    for (const [sent, got] of [
      [clip.subarray(1), `${clip.length - 1}`],
      [Buffer.concat([clip, clip]), 'more'],
    ] as const) {
      const said = await inChunks(upload.upload_url, sent);
      assert.match(said, /^HTTP\/1.1 422 /);
      assert.match(said, new RegExp(`got ${got}\\. Nothing was kept`));
    }
    assert.deepEqual(readdirSync(join(host.dataDir, 'uploads')), before);
    assert.equal((await send(upload, clip)).status, 204, 'and take the right one afterwards');
    assert.equal((await send(upload, clip)).status, 204, 'and again');
  });

  test('are taken as they are: neither compressed nor in parts', async () => {
    const upload = await askWhere(host.url, { bytes: clip.length, name: 'coded.mp4' });
    const coded = await send(upload, clip, { 'content-encoding': 'gzip' });
    assert.deepEqual([coded.status, coded.body['code']], [415, 'unsupported_media_type']);
    const part = await send(upload, clip, {
      'content-range': `bytes 0-${clip.length - 1}/${2 * clip.length}`,
    });
    assert.deepEqual([part.status, part.body['code']], [400, 'partial_upload']);
    assert.equal((await send(upload, clip, { 'content-encoding': 'identity' })).status, 204);
  });

  test('leave nothing of what is interrupted', async () => {
    const upload = await askWhere(host.url, { bytes: 2 * MB, name: 'cut.mp4' });
    const { port, pathname, search } = new URL(upload.upload_url);
    const folder = join(host.dataDir, 'uploads');
    const before = readdirSync(folder).length;
    const socket = connect(Number(port), '127.0.0.1');
    socket.write(
      `PUT ${pathname}${search} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\ncontent-type: video/mp4\r\ncontent-length: ${2 * MB}\r\n\r\n`,
    );
    socket.write(Buffer.alloc(MB));
    await until(() => readdirSync(folder).length > before, 'a part');
    socket.destroy();
    await until(() => readdirSync(folder).length === before, 'nothing left');
    assert.equal((await send(upload, Buffer.alloc(2 * MB))).status, 204);
  });

  describe('with an API key', () => {
    let keyed: TestHost;
    before(async () => {
      const folder = join(dir.path, 'keyed', 'data', 'uploads');
      mkdirSync(folder, { recursive: true });
      const old = join(folder, newUploadId('old.mp4'));
      writeFileSync(old, 'x');
      const nineDaysAgo = Date.now() / 1000 - 9 * 86_400;
      utimesSync(old, nineDaysAgo, nineDaysAgo);
      keyed = await startTestHost(join(dir.path, 'keyed'), { API_KEY: KEY, REQUESTS_PER_MINUTE: '40' });
    });
    after(() => keyed[Symbol.asyncDispose]());

    const withKey = { 'x-api-key': KEY };

    test('of more than a week ago are removed at the start, which the log says', async () => {
      await until(() => keyed.logged('uploads.pruned').length > 0, 'the line');
      assert.equal(keyed.logged('uploads.pruned')[0]?.['files'], 1);
      assert.deepEqual(entries(join(keyed.dataDir, 'uploads')), []);
    });

    test('take the file without the key, but only at the very URL, from no other site, and at the usual rate', async () => {
      const upload = await askWhere(keyed.url, { bytes: clip.length }, withKey);
      const crossSite = await send(upload, clip, { 'sec-fetch-site': 'cross-site' });
      assert.deepEqual([crossSite.status, crossSite.body['code']], [403, 'cross_site']);
      assert.equal((await send(upload, clip)).status, 204);

      const at = (change: (url: URL) => void) => {
        const url = new URL(upload.upload_url);
        change(url);
        return { ...upload, upload_url: url.href };
      };
      const others = [
        at((url) => url.searchParams.set('signature', 'x')),
        at((url) => url.searchParams.delete('signature')),
        at((url) => url.searchParams.set('expires', '9999999999')),
        at((url) => url.searchParams.set('bytes', `${clip.length + 1}`)),
        at((url) => {
          url.pathname = `/uploads/${'a'.repeat(32)}-x`;
        }),
        at((url) => {
          url.pathname = '/uploads/%zz';
        }),
      ];
      for (const other of others) {
        const stranger = await send(other, clip);
        const told = other.upload_url.includes('signature=')
          ? [403, 'upload_forbidden']
          : [401, 'unauthorized'];
        assert.deepEqual([stranger.status, stranger.body['code']], told, other.upload_url);
        const caller = await send(other, clip, withKey);
        assert.deepEqual([caller.status, caller.body['code']], [403, 'upload_forbidden'], other.upload_url);
      }
      const read = await fetch(upload.upload_url);
      assert.equal(read.status, 401, 'the URL opens nothing else');

      let last = 204;
      for (let asked = 0; asked < 50 && last === 204; asked++) last = (await send(upload, clip)).status;
      assert.equal(last, 429);
    });
  });

  test('of a host that is killed within one leave nothing that can be used, and its next start removes the part', async () => {
    const place = join(dir.path, 'killed');
    const folder = join(place, 'data', 'uploads');
    const upload = await (async () => {
      await using first = startHostProcess({ dir: place });
      await first.started();
      const base = String(first.logged('host.started')[0]?.['url']);
      const asked = await askWhere(base, { bytes: 2 * MB });
      const { port, pathname, search } = new URL(asked.upload_url);
      const socket = connect(Number(port), '127.0.0.1').on('error', () => {});
      socket.write(
        `PUT ${pathname}${search} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\ncontent-type: video/mp4\r\ncontent-length: ${2 * MB}\r\n\r\n`,
      );
      socket.write(Buffer.alloc(MB));
      await until(() => entries(folder).length > 0, 'a part');
      process.kill(first.pid, 'SIGKILL');
      await first.ended();
      return asked;
    })();
    assert.match(entries(folder).join(), /^\.[0-9a-f]{32}\.[0-9a-f-]{36}\.part$/);
    await using next = startHostProcess({ dir: place });
    await next.started();
    assert.deepEqual(entries(folder), []);
    assert.equal(next.logged('host.cleared').length, 1);
    const base = String(next.logged('host.started')[0]?.['url']);
    const response = await fetch(`${base}/process_media`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(taskOf(upload.url)),
    });
    assert.equal(response.status, 422);
    const { port } = new URL(base);
    const again = upload.upload_url.replace(/:\d+/, `:${port}`);
    assert.equal((await send({ ...upload, upload_url: again }, Buffer.alloc(2 * MB))).status, 204);
  });

  // Buffers that wait to be collected take about 60 MB, however long the file is.
  const megabytes = EXHAUSTIVE ? 300 : 150;
  test(`of ${megabytes} MB take no more memory than small ones`, {
    skip: process.platform !== 'linux',
  }, async (t) => {
    await using process_ = startHostProcess({ dir: join(dir.path, 'large') });
    const pid = await process_.started();
    const base = String(process_.logged('host.started')[0]?.['url']);
    const piece = Buffer.alloc(MB, 'clip');
    async function* pieces(count: number): AsyncGenerator<Buffer> {
      for (let sent = 0; sent < count; sent++) yield piece;
    }
    const put = async (count: number) => {
      const upload = await askWhere(base, { bytes: count * MB });
      assert.equal((await sendPieces(upload, count * MB, pieces(count))).status, 204);
    };
    await put(5);
    const before = residentMb(pid);
    let peak = before;
    const watch = setInterval(() => {
      peak = Math.max(peak, residentMb(pid));
    }, 20);
    const begun = performance.now();
    await put(megabytes);
    clearInterval(watch);
    const seconds = (performance.now() - begun) / 1000;
    t.diagnostic(
      `${megabytes} MB in ${seconds.toFixed(2)} s (${(megabytes / seconds).toFixed(0)} MB/s): ` +
        `${before.toFixed(0)} MB resident before, ${peak.toFixed(0)} MB at most`,
    );
    assert.ok(peak - before < 100, `${before} MB before, ${peak} MB at most`);
  });
});

function residentMb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

/** Sends the body in chunks, and reads the answer until the server closes. */
async function inChunks(to: string, body: Buffer): Promise<string> {
  const { port, pathname, search } = new URL(to);
  const socket = connect(Number(port), '127.0.0.1');
  socket.write(
    `PUT ${pathname}${search} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\ncontent-type: video/mp4\r\ntransfer-encoding: chunked\r\n\r\n`,
  );
  socket.write(`${body.length.toString(16)}\r\n`);
  socket.write(body);
  socket.write('\r\n0\r\n\r\n');
  let said = '';
  for await (const chunk of socket) said += chunk;
  return said;
}
