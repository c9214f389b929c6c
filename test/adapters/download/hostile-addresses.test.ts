import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { RequestError } from '../../../functions/base/errors.ts';
import { readRequest } from '../../../functions/model/request.ts';
import { download } from '../../fixtures/network/downloading.ts';
import {
  type HostileStage,
  PUBLIC,
  PUBLIC_6,
  startHostileStage,
  titled,
} from '../../fixtures/network/hostile-stage.ts';
import { METADATA_URLS, PRIVATE_URLS, REFUSED_URLS } from '../../fixtures/network/hostile-urls.ts';

const ROOT = join(import.meta.dirname, '../../..');

describe('hostile addresses', () => {
  let stage: HostileStage;
  before(async () => {
    stage = await startHostileStage();
  });
  after(() => stage[Symbol.asyncDispose]());

  describe('are told apart from public ones, which reach the server and so prove its count', () => {
    for (const [url, to] of [
      [`http://${PUBLIC}/`, PUBLIC],
      [`http://${PUBLIC}:8080/a.mp4?b`, PUBLIC],
      ['http://1572395042/', PUBLIC],
      [`http://[${PUBLIC_6}]/`, PUBLIC_6],
      ['http://[::ffff:8.8.8.8]/', '::ffff:808:808'],
      ['http://[64:ff9b::8.8.8.8]/', '64:ff9b::808:808'],
      ['http://172.15.255.255/', '172.15.255.255'],
    ] as const) {
      it(`reaches ${url}`, () => stage.reaches(url, [to]));
    }

    it('reaches loopback on this machine if private addresses are allowed', async () => {
      const known = stage.attempts.count;
      for (const host of ['127.0.0.1', '0x7f.1', '[::ffff:127.0.0.1]']) {
        const url = stage.fill(`http://${host}:{port}/clip.mp4`);
        await download(url, '/dev/null', stage.asItIs({ allowPrivate: true }));
      }
      assert.equal(stage.attempts.count, known + 3, 'the connection count misses them');
      stage.meant(3);
    });

    it('counts what reaches the server', () =>
      assert.equal(stage.net.seen.connections, stage.attempts.count));
  });

  for (const [group, urls] of Object.entries({ ...PRIVATE_URLS, ...METADATA_URLS })) {
    describe(`that are ${group}`, () => {
      for (const url of urls) {
        it(`are refused: ${titled(url)}`, async () => {
          await stage.refused(url, stage.asItIs(), 'address_refused');
          await stage.refused(url, stage.wired(), 'address_refused');
        });
      }
    });
  }

  for (const [group, urls] of Object.entries(METADATA_URLS)) {
    describe(`that are ${group}, where private addresses are allowed`, () => {
      for (const url of urls) {
        it(`are refused: ${titled(url)}`, async () => {
          await stage.refused(url, stage.asItIs({ allowPrivate: true }), 'address_refused', /metadata/);
          await stage.refused(url, stage.wired({ allowPrivate: true }), 'address_refused', /metadata/);
        });
      }
    });
  }

  for (const [group, urls] of Object.entries(REFUSED_URLS)) {
    describe(`that are ${group}`, () => {
      for (const url of urls) {
        it(`are refused, in a request and by the download: ${titled(url)}`, async () => {
          await stage.refused(url, stage.wired({ allowPrivate: true }), 'source_refused');
          assert.throws(() => asked(stage.fill(url)), isOneMistake);
        });
      }
    });
  }

  it('are not passed to a proxy from the environment, which would resolve and connect unchecked', async () => {
    const proxy = `http://127.0.0.1:${stage.net.port}`;
    const script = `
      import { createWebDownloads } from './functions/adapters/download/download.ts';
      const asked = [];
      const resolver = async (name) => {
        asked.push(name);
        return [{ address: '127.0.0.1', family: 4 }];
      };
      const downloads = createWebDownloads({ allowPrivate: false, maxBytes: 1000, resolver });
      const { signal } = new AbortController();
      await downloads.get('http://proxied.example/', '/dev/null', { signal })
        .then(() => console.log('done'), ({ code }) => console.log(code, ...asked));`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd: ROOT,
      env: {
        ...process.env,
        NODE_USE_ENV_PROXY: '1',
        HTTP_PROXY: proxy,
        http_proxy: proxy,
        ALL_PROXY: proxy,
      },
      encoding: 'utf8',
      timeout: 60_000,
    });
    assert.equal(stdout.trim(), 'address_refused proxied.example', stderr);
  });

  it('are all refused, and none is reached', (t) => stage.report(t));
});

function asked(url: string): unknown {
  const body = { task_name: 'x', video_blocks: { b: [url] } };
  return readRequest(body, { combinations: 1, sources: { buckets: [], ownBuckets: [] } });
}

function isOneMistake(error: unknown): boolean {
  assert.ok(RequestError.is(error), String(error));
  const pointers = error.mistakes.map(({ pointer }) => pointer);
  assert.deepEqual(pointers, ['/video_blocks/b/0']);
  assert.doesNotMatch(JSON.stringify(error.mistakes), /s3cret/);
  return true;
}
