import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { download, failureOf, type GetOptions } from '../../fixtures/network/downloading.ts';
import { type SourceServer, startSourceServer } from '../../fixtures/network/source-server.ts';
import { type TempDir, tempDir } from '../../fixtures/system/temp-dir.ts';

const BODY = randomBytes(300_000);
const SHA256 = createHash('sha256').update(BODY).digest('hex');
const MONDAY = 'Mon, 02 Nov 2026 10:00:00 GMT';

describe('createWebDownloads', () => {
  let dir: TempDir;
  let server: SourceServer;

  before(async () => {
    dir = await tempDir();
    server = await startSourceServer({
      '/clip.mp4': { body: BODY, etag: '"v1"', lastModified: MONDAY },
      '/dated.mp4': { body: BODY, lastModified: MONDAY },
      '/plain.mp4': { body: BODY },
      '/chunked.mp4': { body: BODY, chunked: true },
      '/one': { body: BODY, always: { does: 'redirect', to: '/two' } },
      '/two': { body: BODY, always: { does: 'redirect', to: '/three', status: 301 } },
      '/three': { body: BODY, always: { does: 'redirect', to: '/four', status: 303 } },
      '/four': { body: BODY, always: { does: 'redirect', to: '/five', status: 307 } },
      '/five': { body: BODY, always: { does: 'redirect', to: '/clip.mp4', status: 308 } },
    });
  });
  after(async () => {
    await server.stop();
    await dir[Symbol.asyncDispose]();
  });

  let files = 0;
  async function get(url: string, options?: GetOptions) {
    const path = join(dir.path, `${files++}.bin`);
    return { path, result: await download(url, path, options) };
  }

  for (const path of ['/plain.mp4', '/chunked.mp4']) {
    it(`stores ${path} and returns its length and checksum`, async () => {
      const { result, path: file } = await get(server.url(path));
      assert.deepEqual(result, { modified: true, bytes: BODY.length, sha256: SHA256, validator: null });
      assert.deepEqual(await readFile(file), BODY);
    });
  }

  it('sends one GET for the uncompressed bytes, and keeps the query', async () => {
    await get(server.url('/plain.mp4?sig=a%2Fb&x=1'));
    const asked = server.seen('/plain.mp4').at(-1);
    assert.equal(asked?.method, 'GET');
    assert.equal(asked?.url, '/plain.mp4?sig=a%2Fb&x=1');
    assert.equal(asked?.headers['accept-encoding'], 'identity');
  });

  it('refuses credentials in a URL, and does not show them', async () => {
    const asked = server.count();
    for (const login of ['me:s3cret', 's3cret', ':s3cret', 's%33cret:x']) {
      const error = await failureOf(
        get(server.url('/plain.mp4').replace('://', `://${login}@`)),
        'source_refused',
        /with a user name or password/,
      );
      assert.doesNotMatch(error.message, /s3cret|s%33cret/);
    }
    assert.equal(server.count(), asked);
  });

  it('returns the validator, and with it detects an unchanged file without downloading it again', async () => {
    for (const path of ['/clip.mp4', '/dated.mp4']) {
      const { result } = await get(server.url(path));
      assert.ok(result.modified && result.validator);
      const again = await get(server.url(path), { validator: result.validator });
      assert.deepEqual(again.result, { modified: false });
      assert.equal(existsSync(again.path), false);
    }
  });

  it('downloads a changed file again', async () => {
    const { result } = await get(server.url('/clip.mp4'), {
      validator: { etag: '"v0"', bytes: BODY.length },
    });
    assert.ok(result.modified);
    assert.deepEqual(result.validator, { etag: '"v1"', bytes: BODY.length });
  });

  it('follows five redirects and sends the condition to each hop', async () => {
    const { result } = await get(server.url('/one'));
    assert.ok(result.modified && result.sha256 === SHA256);
    const again = await get(server.url('/one'), { validator: { etag: '"v1"' } });
    assert.deepEqual(again.result, { modified: false });
  });

  it('refuses the sixth redirect without requesting its target', async () => {
    server.set('/zero', { body: BODY, always: { does: 'redirect', to: '/one' } });
    const asked = server.count('/clip.mp4');
    await failureOf(get(server.url('/zero')), 'source_refused', /at most 5 redirects/);
    assert.equal(server.count('/clip.mp4'), asked);
  });

  it('fails with source_slow if the response is not complete within the total time', async () => {
    server.set('/slow', { body: BODY, always: { does: 'delay', ms: 60_000 } });
    await failureOf(
      get(server.url('/slow'), { limits: { totalMs: 200 } }),
      'source_slow',
      /not finished after 200 ms/,
    );
  });

  it('stops with the reason of the signal, before and during a download', async () => {
    const reason = new Error('shutting down');
    await assert.rejects(get(server.url('/clip.mp4'), { signal: AbortSignal.abort(reason) }), reason);
    for (const does of ['hang', 'stall'] as const) {
      const path = `/aborted-${does}`;
      server.set(path, { body: BODY, always: { does } });
      const stop = new AbortController();
      const running = assert.rejects(get(server.url(path), { signal: stop.signal }), reason);
      while (server.count(path) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      stop.abort(reason);
      await running;
    }
  });

  describe('addresses', () => {
    it('refuses a private address before connecting', async () => {
      const asked = server.count();
      await failureOf(
        get(server.url('/clip.mp4'), { allowPrivate: false }),
        'address_refused',
        /got 127\.0\.0\.1/,
      );
      await failureOf(
        get(`http://[::1]:${new URL(server.origin).port}/`, { allowPrivate: false }),
        'address_refused',
      );
      assert.equal(server.count(), asked);
    });

    it('refuses a name that resolves to a private address, also after a redirect', async () => {
      const asked = server.count();
      const url = server.url('/clip.mp4').replace('127.0.0.1', 'media.example');
      const resolver = async () => [{ address: '127.0.0.1', family: 4 }];
      await failureOf(get(url, { allowPrivate: false, resolver }), 'address_refused', /media\.example/);
      assert.equal(server.count(), asked);
      const inner = async (name: string) => [
        { address: name === 'a.example' ? '127.0.0.1' : '169.254.169.254', family: 4 },
      ];
      server.set('/hop', { body: BODY, always: { does: 'redirect', to: 'http://b.example/' } });
      const hop = server.url('/hop').replace('127.0.0.1', 'a.example');
      await failureOf(get(hop, { resolver: inner }), 'address_refused', /b\.example/);
    });

    it('connects only to the checked address', async () => {
      let resolved = 0;
      const resolver = async () => {
        resolved += 1;
        return [{ address: resolved === 1 ? '127.0.0.1' : '127.0.0.2', family: 4 }];
      };
      const { result } = await get(server.url('/clip.mp4').replace('127.0.0.1', 'rebind.example'), {
        resolver,
      });
      assert.ok(result.modified);
      assert.equal(resolved, 1);
    });

    for (const [code, expected] of [
      ['ENOTFOUND', 'source_unreachable'],
      ['EAI_AGAIN', 'network'],
    ] as const) {
      it(`fails with ${expected} if the name lookup fails with ${code}`, async () => {
        const resolver = () => Promise.reject(Object.assign(new Error('look-up'), { code }));
        await failureOf(
          get('http://nowhere.example/a.mp4', { resolver }),
          expected,
          /nowhere\.example\/a\.mp4/,
        );
      });
    }

    it('fails with network if the port is closed', async () => {
      const other = await startSourceServer({});
      await other.stop();
      await failureOf(get(other.url('/a.mp4')), 'network', /ECONNREFUSED/);
    });

    it('fails with network if the connection is not established in time', async () => {
      const resolver = () => new Promise<never>(() => {});
      await failureOf(
        get('http://slow.example/', { resolver, limits: { connectMs: 100 } }),
        'network',
        /CONNECT_TIMEOUT/,
      );
    });

    for (const url of ['file:///etc/passwd', 'gs://bucket/a.mp4', 'data:video/mp4,x', 'clip.mp4', '']) {
      it(`refuses ${url || 'an empty string'}, which is not an http or https URL`, async () => {
        await failureOf(get(url), 'source_refused', /Expected an http or https URL/);
      });
    }
  });
});
