import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { mkdir, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { PermanentError, TransientError } from '../../functions/base/errors.ts';
import type { FoundFile } from '../../functions/ports/outputs.ts';
import { type SavedVideos, savedVideos } from '../fixtures/hosts/saved-videos.ts';

const VIDEO = '0123456789'.repeat(30_000);
const size = VIDEO.length;

async function problem(response: Response, status: number, code: string) {
  const body = (await response.json()) as Record<string, unknown>;
  assert.deepEqual([response.status, body['code']], [status, code], JSON.stringify(body));
  assert.ok(body['hint']);
  return body;
}

describe('one combination of a task', () => {
  let s: SavedVideos;
  before(async () => {
    s = await savedVideos({ combinations: 4 });
    await s.save(1, VIDEO);
    await s.report(4, { status: 'cancelled', url: null });
    await s.report(2, {
      status: 'failed',
      url: null,
      error: { code: 'mix_failed', message: 'ffmpeg said no', stage: 'mix' },
    });
  });
  after(() => s[Symbol.asyncDispose]());

  test('is the one that the list has', async () => {
    const { renders } = (await (await s.get('/renders')).json()) as { renders: unknown[] };
    for (const index of [1, 2, 3, 4]) {
      assert.deepEqual(await (await s.get(`/renders/${index}`)).json(), renders[index - 1]);
    }
  });

  test('is looked for by its index alone, and the answer says which there are', async () => {
    for (const index of ['0', '5', '01', '1.0', '-1', 'x', '%31', '1e0', '99999999999999999999']) {
      for (const path of [`/renders/${index}`, `/renders/${index}/video`]) {
        const { detail } = await problem(await s.get(path), 404, 'not_found');
        assert.match(String(detail), /from 1 to 4/);
      }
    }
    await problem(await s.get('/renders/1?x=1'), 422, 'invalid_request');
  });

  test('without a finished video says whether there will be one', async () => {
    const { detail } = await problem(await s.get('/renders/3/video'), 409, 'not_finished');
    assert.match(String(detail), /pending/);
    const failed = await problem(await s.get('/renders/2/video'), 404, 'not_made');
    assert.match(String(failed['detail']), /got none: it failed: mix_failed, ffmpeg said no/);
    const cancelled = await problem(await s.get('/renders/4/video'), 404, 'not_made');
    assert.match(String(cancelled['detail']), /it was cancelled/);
  });
});

describe('a video from the disk', () => {
  let s: SavedVideos;
  before(async () => {
    s = await savedVideos();
    await s.save(1, VIDEO);
    await utimes(s.pathOf(1), new Date('2026-01-02T03:04:05.678Z'), new Date('2026-01-02T03:04:05.678Z'));
  });
  after(() => s[Symbol.asyncDispose]());
  const get = (headers: Record<string, string> = {}, method = 'GET') =>
    s.get('/renders/1/video', { headers, method });

  test('is the file itself, with all that a player needs', async () => {
    const response = await get();
    assert.equal(response.status, 200);
    assert.equal(await response.text(), VIDEO);
    const { etag, date: _, ...headers } = Object.fromEntries(response.headers);
    assert.match(etag ?? '', /^"[\w-]+"$/);
    const own = ['accept-ranges', 'cache-control', 'content-length', 'content-type', 'last-modified'];
    assert.deepEqual(
      own.map((name) => headers[name]),
      ['bytes', 'private, no-cache', String(size), 'video/mp4', 'Fri, 02 Jan 2026 03:04:05 GMT'],
    );
    const name = s.nameOf(1);
    assert.equal(headers['content-disposition'], `inline; filename="${name}"`);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(
      headers['content-security-policy'],
      "default-src 'none'; media-src 'self'; frame-ancestors 'none'",
      'a browser that opens the address can play it',
    );
  });

  test('comes in single ranges', async () => {
    const ranges: [string, number, number][] = [
      ['bytes=0-0', 0, 0],
      ['bytes=10-19', 10, 19],
      [`bytes=${size - 5}-`, size - 5, size - 1],
      ['bytes=-7', size - 7, size - 1],
      [`bytes=-${size + 9}`, 0, size - 1],
      ['bytes=5-99999999999', 5, size - 1],
      ['Bytes=0-9', 0, 9],
    ];
    for (const [range, from, to] of ranges) {
      const response = await get({ range });
      assert.equal(response.status, 206, range);
      assert.equal(response.headers.get('content-range'), `bytes ${from}-${to}/${size}`);
      assert.equal(response.headers.get('content-length'), String(to - from + 1));
      assert.match(response.headers.get('content-security-policy') ?? '', /media-src 'self'/);
      assert.equal(await response.text(), VIDEO.slice(from, to + 1));
    }
  });

  test('comes whole for what is not a single range', async () => {
    for (const range of ['bytes=0-1,5-6', 'bytes=9-5', 'bytes=-', 'lines=1-2', 'bytes=a-b', 'bytes=1-2x']) {
      const response = await get({ range });
      assert.deepEqual([response.status, (await response.text()).length], [200, size], range);
    }
  });

  test('answers 416 for a range beyond the end, with the size', async () => {
    for (const range of [`bytes=${size}-`, `bytes=${size}-${size + 5}`, 'bytes=-0']) {
      const response = await get({ range });
      await problem(response, 416, 'range_not_satisfiable');
      assert.equal(response.headers.get('content-range'), `bytes */${size}`);
    }
  });

  test('answers HEAD with the headers of the whole file', async () => {
    const response = await get({ range: 'bytes=0-9' }, 'HEAD');
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-length'), String(size));
    assert.equal(response.headers.get('accept-ranges'), 'bytes');
    assert.equal(await response.text(), '');
  });

  test('is not sent to who has it, and whole to who has an earlier version', async () => {
    const etag = (await get({}, 'HEAD')).headers.get('etag') ?? '';
    const date = 'Fri, 02 Jan 2026 03:04:05 GMT';
    const known: Record<string, string>[] = [
      { 'if-none-match': etag },
      { 'if-none-match': `"x", W/${etag}` },
      { 'if-none-match': '*' },
      { 'if-modified-since': date },
      { 'if-none-match': etag, range: 'bytes=0-9' },
    ];
    for (const headers of known) {
      const response = await get(headers);
      assert.deepEqual([response.status, await response.text()], [304, ''], JSON.stringify(headers));
      assert.equal(response.headers.get('etag'), etag);
    }
    const range = 'bytes=0-9';
    const unknown: [Record<string, string>, number][] = [
      [{ 'if-none-match': '"x"', 'if-modified-since': date }, 200],
      [{ 'if-modified-since': 'Fri, 02 Jan 2026 03:04:04 GMT' }, 200],
      [{ 'if-modified-since': 'yesterday' }, 200],
      [{ range, 'if-range': etag }, 206],
      [{ range, 'if-range': date }, 206],
      [{ range, 'if-range': '"x"' }, 200],
      [{ range, 'if-range': `W/${etag}` }, 200],
      [{ range, 'if-range': 'Fri, 02 Jan 2026 03:04:06 GMT' }, 200],
      [{ range, 'if-range': new Date(date).toISOString() }, 200],
      [{ range, 'if-range': date.replace('GMT', '+0000') }, 200],
    ];
    for (const [headers, status] of unknown)
      assert.equal((await get(headers)).status, status, JSON.stringify(headers));
  });
});

describe('a video whose file', () => {
  const noLinks = process.platform === 'win32' && 'only administrators make links there';

  for (const [what, change] of [
    ['was removed', (path: string) => rm(path)],
    ['was moved away with its folder', (path: string) => rename(dirname(path), `${dirname(path)} elsewhere`)],
    [
      'was replaced by a folder',
      async (path: string) => {
        await rm(path);
        await mkdir(path);
      },
    ],
  ] as const) {
    test(`${what} is gone, with what to do`, async () => {
      await using s = await savedVideos();
      await s.save(1, VIDEO);
      await change(s.pathOf(1));
      const { detail } = await problem(await s.get('/renders/1/video'), 410, 'video_gone');
      assert.match(String(detail), new RegExp(s.nameOf(1)));
    });
  }

  test('was replaced by a link is gone, and nothing of where the link leads is sent', {
    skip: noLinks,
  }, async () => {
    for (const what of ['file', 'folder'] as const) {
      await using s = await savedVideos();
      await s.save(1, VIDEO);
      const secret = `${s.dir.path}/secret`;
      await mkdir(secret);
      await writeFile(`${secret}/${s.nameOf(1)}`, 'secret');
      const replaced = what === 'file' ? s.pathOf(1) : s.task.folder.id;
      await rm(replaced, { recursive: true });
      await symlink(what === 'file' ? `${secret}/${s.nameOf(1)}` : secret, replaced);
      await problem(await s.get('/renders/1/video'), 410, 'video_gone');
    }
  });
});

/** How many files of that name this process has open. */
function openFiles(name: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).endsWith(name);
    } catch {
      return false;
    }
  }).length;
}

describe('a video that is being sent', { skip: process.platform !== 'linux' && 'needs /proc' }, () => {
  test('is read no faster than its client reads it, and closed when the client goes away', async () => {
    await using s = await savedVideos();
    await s.save(1, Buffer.alloc(64 * 2 ** 20, 'x'));
    const socket = connect(Number(new URL(s.url).port), '127.0.0.1');
    socket.on('error', () => {});
    socket.write(`GET /tasks/${s.task.id}/renders/1/video HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`);
    await once(socket, 'readable');
    socket.pause();
    await sleep(100);
    assert.equal(openFiles(s.nameOf(1)), 1);
    const before = process.memoryUsage().arrayBuffers;
    await sleep(100);
    assert.ok(process.memoryUsage().arrayBuffers - before < 16 * 2 ** 20);
    socket.destroy();
    for (const end = Date.now() + 10_000; openFiles(s.nameOf(1)) > 0; await sleep(10))
      assert.ok(Date.now() < end, 'the file stays open');
    assert.deepEqual(s.logged('answer.broken'), [], 'a client who leaves is no error');
  });

  test('breaks off if it is written over meanwhile, even with as many bytes', async () => {
    await using s = await savedVideos();
    await s.save(1, Buffer.alloc(32 * 2 ** 20, 'x'));
    const response = await s.get('/renders/1/video');
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    await writeFile(join(s.task.folder.id, s.nameOf(1)), Buffer.alloc(32 * 2 ** 20, 'y'));
    await assert.rejects(async () => {
      while (!(await reader.read()).done);
    });
  });

  test('leaves no file open after HEAD, a range and 304', async () => {
    await using s = await savedVideos();
    await s.save(1, VIDEO);
    const head = await s.get('/renders/1/video', { method: 'HEAD' });
    await (await s.get('/renders/1/video', { headers: { range: 'bytes=0-9' } })).text();
    await s.get('/renders/1/video', { headers: { 'if-none-match': head.headers.get('etag') ?? '' } });
    for (const end = Date.now() + 10_000; openFiles(s.nameOf(1)) > 0; await sleep(10))
      assert.ok(Date.now() < end, 'the file stays open');
  });
});

describe('videos one after the other on one connection', () => {
  test('are all answered: the next request may follow the last byte at once', async () => {
    await using s = await savedVideos();
    await s.save(1, VIDEO.slice(0, 17_000));
    using agent = new DisposableAgent({ keepAlive: true, maxSockets: 1 });
    const sockets = new Set<unknown>();
    const once = () =>
      new Promise<number>((done, failed) => {
        request(`${s.url}/tasks/${s.task.id}/renders/1/video`, { agent }, (answer) => {
          sockets.add(answer.socket);
          let bytes = 0;
          answer.on('data', (piece: Buffer) => {
            bytes += piece.length;
          });
          answer.on('end', () => done(bytes)).on('error', failed);
        })
          .on('error', failed)
          .end();
      });
    for (let round = 0; round < 200; round++) assert.equal(await once(), 17_000);
    assert.equal(sockets.size, 1);
  });
});

class DisposableAgent extends Agent implements Disposable {
  [Symbol.dispose]() {
    this.destroy();
  }
}

describe('a video elsewhere', () => {
  /** Saves on the disk, and changes what is found there. */
  async function elsewhere(changes: (found: FoundFile) => Partial<FoundFile>) {
    const s = await savedVideos();
    await s.save(1, VIDEO);
    const { find } = s.outputs;
    s.outputs.find = async (...args) => {
      const found = await find(...args);
      return found && { ...found, ...changes(found) };
    };
    return s;
  }
  /** Fails so many times after that many bytes. */
  const failing = (times: number, error: () => Error) => {
    let left = times;
    return ({ read }: FoundFile): Partial<FoundFile> => ({
      async *read(range) {
        let sent = 0;
        for await (const piece of read(range)) {
          if (sent > 0 && left > 0) {
            left -= 1;
            throw error();
          }
          sent += piece.length;
          yield piece;
        }
      },
    });
  };

  test('is redirected to, also HEAD', async () => {
    await using s = await elsewhere(() => ({ link: async () => 'https://example.com/signed?a=b' }));
    for (const method of ['GET', 'HEAD']) {
      const response = await s.get('/renders/1/video', { method });
      assert.equal(response.status, 302);
      assert.equal(response.headers.get('location'), 'https://example.com/signed?a=b');
      assert.equal(response.headers.get('cache-control'), 'no-store');
    }
  });

  test('is sent by the service itself if no address can be had, and the log says why', async () => {
    await using s = await elsewhere(() => ({
      link: async () => {
        throw new TransientError('platform_unavailable', 'Expected a signed URL, got none.');
      },
    }));
    assert.equal(await (await s.get('/renders/1/video')).text(), VIDEO);
    assert.equal(s.logged('video.not_linked').length, 1);
  });

  test('goes on where it stopped if the network fails for a moment', async () => {
    await using s = await elsewhere(
      failing(1, () => new TransientError('network', 'cut', { retryAfterMs: 1 })),
    );
    assert.equal(await (await s.get('/renders/1/video')).text(), VIDEO);
    assert.deepEqual(s.logged('answer.broken'), []);
  });

  test('breaks the connection if it cannot be sent to its end', async () => {
    const gone = () => new PermanentError('output_missing', 'save', 'The file is gone.');
    await using s = await elsewhere(failing(9, gone));
    await assert.rejects(async () => (await s.get('/renders/1/video')).text());
    assert.equal(s.logged('answer.broken').length, 1);
  });

  test('that the service may not read is told from one that is gone', async () => {
    await using s = await savedVideos();
    await s.save(1, VIDEO);
    s.outputs.find = async () => {
      throw new PermanentError(
        'output_forbidden',
        'save',
        'Expected to see it. Next step: share the folder.',
      );
    };
    const { detail } = await problem(await s.get('/renders/1/video'), 502, 'output_unreadable');
    assert.match(String(detail), /share the folder/);
  });
});
