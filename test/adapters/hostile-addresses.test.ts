import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Resolver } from '../../functions/adapters/address-guard.ts';
import { createDownloads } from '../../functions/adapters/download.ts';
import type { Code } from '../../functions/codes.ts';
import { RequestError } from '../../functions/errors.ts';
import { readRequest } from '../../functions/task/request.ts';
import { type DnsServer, startDnsServer } from '../fixtures/dns-server.ts';
import { download, failureOf, type GetOptions } from '../fixtures/downloading.ts';
import { METADATA_URLS, PRIVATE_URLS, REFUSED_URLS } from '../fixtures/hostile-urls.ts';
import {
  connectionAttempts,
  type LoopbackInternet,
  startLoopbackInternet,
} from '../fixtures/loopback-internet.ts';
import { type TempDir, tempDir } from '../fixtures/temp-dir.ts';

const PUBLIC = '93.184.216.34';
const PUBLIC_6 = '2606:4700::1111';

/** What names lead to, by whatever resolver: each must be refused as a whole. */
const NAMED: Readonly<Record<string, readonly string[]>> = {
  'loopback.example': ['127.0.0.1'],
  'loopback6.example': ['::1'],
  'unspecified.example': ['0.0.0.0'],
  'private.example': ['10.0.0.5'],
  'shared.example': ['100.64.0.1'],
  'local6.example': ['fd12:3456::1'],
  'mapped.example': ['::ffff:127.0.0.1'],
  'nat64.example': ['64:ff9b::7f00:1'],
  'sixtofour.example': ['2002:7f00:1::1'],
  'public-first.example': [PUBLIC, '127.0.0.1'],
  'private-first.example': ['192.168.1.1', PUBLIC],
  'public4-private6.example': [PUBLIC, '::1'],
  'private4-public6.example': ['10.0.0.1', PUBLIC_6],
  'last-of-many.example': [...Array.from({ length: 12 }, (_, n) => `93.184.216.${n}`), '172.16.0.1'],
};
const NAMED_METADATA: Readonly<Record<string, readonly string[]>> = {
  'metadata.example': ['169.254.169.254'],
  'metadata6.example': ['fd20:ce::254'],
  'metadata-mapped.example': ['::ffff:169.254.169.254'],
  'metadata-nat64.example': ['64:ff9b:1::a9fe:a9fe'],
  'metadata-azure.example': ['168.63.129.16'],
  'metadata-among-public.example': [PUBLIC, '169.254.170.2'],
};
/** As no resolver should answer. */
const NONSENSE = ['', 'localhost', '0x7f.1', '2130706433', '127.1', '[::1]', '127.0.0.1:80', ' 127.0.0.1'];

const byFamily = (addresses: readonly string[]) => ({
  a: addresses.filter((ip) => !ip.includes(':')),
  aaaa: addresses.filter((ip) => ip.includes(':')),
});

describe('hostile addresses', () => {
  let dir: TempDir;
  let net: LoopbackInternet;
  let dns: DnsServer;
  let attempts: ReturnType<typeof connectionAttempts>;
  let tried = 0;
  /** Connections that were meant: to public addresses, on loopback. */
  let meant = 0;

  before(async () => {
    dir = await tempDir();
    net = await startLoopbackInternet();
    const zone = Object.entries({ ...NAMED, ...NAMED_METADATA });
    dns = await startDnsServer({
      ...Object.fromEntries(zone.map(([name, addresses]) => [name, [byFamily(addresses)]])),
      'fine.example': [{ a: [PUBLIC], aaaa: [PUBLIC_6] }],
      'fine-alias.example': [{ cname: ['cdn.example', 'edge.example'], a: [PUBLIC] }],
      'alias.example': [{ cname: ['metadata.google.internal'], a: ['169.254.169.254'] }],
      'alias-of-alias.example': [{ cname: ['cdn.example', 'localhost'], a: ['127.0.0.1'] }],
      'alias6.example': [{ cname: ['metadata.google.internal'], aaaa: ['fd20:ce::254'] }],
      'empty.example': [{}],
      'empty-alias.example': [{ cname: ['metadata.google.internal'] }],
      'rebound.example': [{ a: [PUBLIC] }, { a: ['127.0.0.1'] }],
      'rebound6.example': [{ aaaa: [PUBLIC_6] }, { aaaa: ['::1'] }],
      'rebound-hop.example': [{ a: [PUBLIC] }, { a: ['127.0.0.1'] }],
      'rebound-kept.example': [{ a: [PUBLIC] }, { a: ['127.0.0.1'] }],
    });
    attempts = connectionAttempts();
  });
  after(async () => {
    attempts[Symbol.dispose]();
    await dns[Symbol.asyncDispose]();
    await net[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });

  const fill = (url: string) => url.replaceAll('{port}', String(net.port));
  const title = (url: string) => JSON.stringify(url.replaceAll('{port}', 'PORT'));

  /** On a machine as it is, whose loopback answers, or on the public internet of this test: there all would get through. */
  const asItIs = (options: GetOptions = {}): GetOptions => ({
    allowPrivate: false,
    limits: { connectMs: 1_000, totalMs: 20_000 },
    ...options,
  });
  const wired = (options: GetOptions = {}): GetOptions =>
    asItIs({ buildConnector: net.buildConnector, resolver: dns.resolver, ...options });

  let files = 0;
  async function get(url: string, options: GetOptions): Promise<void> {
    files += 1;
    await download(fill(url), join(dir.path, `${files}.mp4`), options);
  }

  /** Ends in the code, without a single connection. */
  async function refused(url: string, options: GetOptions, code: Code, says?: RegExp): Promise<void> {
    tried += 1;
    const [before, dialled] = [attempts.count, net.dialled.length];
    const error = await failureOf(get(url, options), code, says);
    assert.equal(attempts.count, before, 'a connection was begun');
    assert.deepEqual(net.dialled.slice(dialled), [], 'an address was let through');
    assert.doesNotMatch(error.message, /s3cret/);
    assert.equal(existsSync(join(dir.path, `${files}.mp4`)), false);
  }

  /** Gets through, by so many connections, to these addresses and no others. */
  async function reaches(url: string, to: readonly string[], options = wired()): Promise<void> {
    const [served, before, dialled] = [net.seen.files, attempts.count, net.dialled.length];
    await get(url, options);
    assert.deepEqual([...new Set(net.dialled.slice(dialled))], to);
    assert.equal(net.seen.files, served + 1);
    meant += attempts.count - before;
  }

  describe('and public ones: these reach the server, so that its count can be trusted', () => {
    for (const [url, to] of [
      [`http://${PUBLIC}/`, PUBLIC],
      [`http://${PUBLIC}:8080/a.mp4?b`, PUBLIC],
      ['http://1572395042/', PUBLIC],
      [`http://[${PUBLIC_6}]/`, PUBLIC_6],
      ['http://[::ffff:8.8.8.8]/', '::ffff:808:808'],
      ['http://[64:ff9b::8.8.8.8]/', '64:ff9b::808:808'],
      ['http://172.15.255.255/', '172.15.255.255'],
    ] as const) {
      it(url, () => reaches(url, [to]));
    }
    it('by name, with all addresses of the name', () => reaches('http://fine.example/', [PUBLIC, PUBLIC_6]));
    it('by an alias', () => reaches('http://fine-alias.example/', [PUBLIC]));
    it('behind five redirects', async () => {
      let url = `http://${PUBLIC}/clip.mp4`;
      for (let hop = 0; hop < 5; hop++) url = `http://fine.example/to?${encodeURIComponent(url)}`;
      await reaches(url, [PUBLIC, PUBLIC_6]);
      assert.equal(net.seen.hops, 5);
    });
    it('loopback itself, on a machine as it is, where private addresses are allowed', async () => {
      const before = attempts.count;
      for (const host of ['127.0.0.1', '0x7f.1', '[::ffff:127.0.0.1]']) {
        await get(`http://${host}:{port}/clip.mp4`, asItIs({ allowPrivate: true }));
      }
      assert.equal(attempts.count, before + 3, 'the count of connections sees none');
      meant += 3;
    });
    it('is seen by the count of the server', () => assert.equal(net.seen.connections, meant));
  });

  for (const [group, urls] of Object.entries({ ...PRIVATE_URLS, ...METADATA_URLS })) {
    describe(group, () => {
      for (const url of urls) {
        it(`refuses ${title(url)}`, async () => {
          await refused(url, asItIs(), 'address_refused');
          await refused(url, wired(), 'address_refused');
        });
      }
    });
  }

  for (const [group, urls] of Object.entries(METADATA_URLS)) {
    describe(`${group}, where private addresses are allowed`, () => {
      for (const url of urls) {
        it(`refuses ${title(url)}`, async () => {
          await refused(url, asItIs({ allowPrivate: true }), 'address_refused', /metadata/);
          await refused(url, wired({ allowPrivate: true }), 'address_refused', /metadata/);
        });
      }
    });
  }

  for (const [group, urls] of Object.entries(REFUSED_URLS)) {
    describe(group, () => {
      for (const url of urls) {
        it(`refuses ${title(url)}, in a request already`, async () => {
          await refused(url, wired({ allowPrivate: true }), 'source_refused');
          const body = { task_name: 'x', video_blocks: { b: [fill(url)] } };
          const limits = { combinations: 1, sources: { buckets: [], ownBuckets: [] } };
          assert.throws(
            () => readRequest(body, limits),
            (error) => {
              assert.ok(RequestError.is(error));
              assert.deepEqual(
                error.mistakes.map(({ pointer }) => pointer),
                ['/video_blocks/b/0'],
              );
              assert.doesNotMatch(JSON.stringify(error.mistakes), /s3cret/);
              return true;
            },
          );
        });
      }
    });
  }

  for (const [by, resolverOf] of [
    ['a resolver of the test', (): Resolver => async (name) => found(name)],
    ['a name server on loopback', (): Resolver => dns.resolver],
  ] as const) {
    describe(`names, by ${by}`, () => {
      for (const [name, addresses] of Object.entries(NAMED)) {
        it(`refuses ${name}, which is ${addresses.slice(-2).join(' and ')}`, async () => {
          const resolver = resolverOf();
          await refused(`http://${name}:{port}/`, wired({ resolver }), 'address_refused', /resolves to/);
          await refused(`http://${name}:{port}/`, asItIs({ resolver }), 'address_refused', /resolves to/);
        });
      }
      for (const [name, addresses] of Object.entries(NAMED_METADATA)) {
        it(`refuses ${name}, which is ${addresses.join(' and ')}, whatever is allowed`, async () => {
          const options = wired({ resolver: resolverOf(), allowPrivate: true });
          await refused(
            `http://${name}:{port}/`,
            options,
            'address_refused',
            /resolves to a metadata service/,
          );
          await refused(`http://${name}:{port}/`, { ...options, allowPrivate: false }, 'address_refused');
        });
      }
    });
  }

  describe('names', () => {
    it('refuses one whose answer is no address', async () => {
      for (const address of NONSENSE) {
        for (const allowPrivate of [false, true]) {
          const resolver = async () => [
            { address: PUBLIC, family: 4 },
            { address, family: 4 },
          ];
          await refused('http://nonsense.example/', wired({ resolver, allowPrivate }), 'address_refused');
        }
      }
    });
    it('refuses localhost even where a resolver takes it for a public name', async () => {
      const resolver = async () => [{ address: PUBLIC, family: 4 }];
      for (const name of ['localhost', 'a.localhost']) {
        await refused(`http://${name}/`, wired({ resolver }), 'address_refused');
      }
    });
    for (const name of ['alias.example', 'alias-of-alias.example', 'alias6.example']) {
      it(`refuses ${name}, an alias of what is refused`, () =>
        refused(`http://${name}/`, wired(), 'address_refused', /resolves to/));
    }
    for (const name of ['empty.example', 'empty-alias.example', 'nowhere.example']) {
      it(`takes ${name}, which has no address, for a host that does not exist`, () =>
        refused(`http://${name}/`, wired(), 'source_unreachable'));
    }
  });

  describe('names that change (DNS rebinding)', () => {
    const questions = (name: string) => dns.asked.filter((question) => question === `A ${name}`).length;

    for (const [name, to] of [
      ['rebound.example', PUBLIC],
      ['rebound6.example', PUBLIC_6],
    ] as const) {
      it(`connects to the address that was checked, having asked for ${name} once, and then refuses it`, async () => {
        await reaches(`http://${name}/`, [to]);
        assert.equal(questions(name), 1);
        await refused(`http://${name}/`, wired(), 'address_refused');
      });
    }

    it('checks a name anew when a redirect leads back to it', async () => {
      const [before, hops] = [attempts.count, net.seen.hops];
      const back = encodeURIComponent('http://rebound-hop.example/clip.mp4');
      tried += 1;
      await failureOf(get(`http://rebound-hop.example/to?${back}`, wired()), 'address_refused');
      assert.equal(net.seen.hops, hops + 1);
      assert.equal(attempts.count, before + 1);
      meant += 1;
    });

    it('keeps to the checked address on a kept connection', async () => {
      const { allowPrivate = false, limits = {}, ...options } = wired();
      await using downloads = createDownloads({ allowPrivate, limits, maxBytes: 1_000, ...options });
      const { signal } = new AbortController();
      const [before, files, dialled] = [attempts.count, net.seen.files, net.dialled.length];
      for (const path of ['a', 'b']) {
        await downloads.get(`http://rebound-kept.example/${path}`, join(dir.path, path), { signal });
      }
      assert.deepEqual(net.dialled.slice(dialled), [PUBLIC]);
      assert.equal(net.seen.files, files + 2);
      assert.equal(attempts.count, before + 1);
      meant += 1;
    });
  });

  describe('redirects', () => {
    const port = '{port}';
    const targets: readonly (readonly [to: string, code: Code])[] = [
      ...[
        `http://127.0.0.1:${port}/`,
        `http://[::1]:${port}/`,
        `http://2130706433:${port}/`,
        `http://0x7f.1:${port}/`,
        `http://①②⑦.⓪.⓪.①:${port}/`,
        `http://localhost:${port}/`,
        'http://10.0.0.1/',
        'http://[fd00::1]/',
        'http://169.254.169.254/computeMetadata/v1/',
        'http://[::ffff:a9fe:a9fe]/',
        'http://metadata.google.internal./',
        `http://loopback.example:${port}/`,
        'http://public-first.example/',
        'http://alias.example/',
        `//127.0.0.1:${port}/`,
        `\\\\127.0.0.1:${port}\\`,
        `/\\127.0.0.1:${port}/`,
        `http:\\\\127.0.0.1:${port}`,
        `http:/\\127.0.0.1:${port}`,
        `https://127.0.0.1:${port}/`,
        `http://127.0\t.0.1:${port}/`,
        `//127.0.0.1:${port}#@93.184.216.34/`,
      ].map((to) => [to, 'address_refused'] as const),
      ...Object.values(REFUSED_URLS)
        .flat()
        // A header cannot carry it, or it is relative and stays where it is.
        .filter((to) => !/^http:\/\/$/.test(to))
        .map((to) => [to, 'source_refused'] as const),
    ];
    for (const [to, code] of targets) {
      it(`refuses to be led to ${title(to)}`, async () => {
        const through = `http://${PUBLIC}/to?${encodeURIComponent(fill(to))}`;
        await led(through, 1, code);
      });
    }

    it('refuses a private address behind four public ones', async () => {
      let url = fill('http://127.0.0.1:{port}/');
      for (let hop = 0; hop < 5; hop++) url = `http://fine.example/to?${encodeURIComponent(url)}`;
      await led(url, 5, 'address_refused');
    });

    it('refuses the sixth redirect, wherever it leads', async () => {
      let url = `http://${PUBLIC}/`;
      for (let hop = 0; hop < 6; hop++) url = `http://fine.example/to?${encodeURIComponent(url)}`;
      await led(url, 6, 'source_refused', /at most 5 redirects/);
    });

    it('refuses a metadata service behind a redirect, where private addresses are allowed', async () => {
      // http:path stays on the host that redirects.
      const absolute = Object.values(METADATA_URLS)
        .flat()
        .filter((url) => !/^http:\d/.test(url));
      for (const url of absolute) {
        const options = wired({ allowPrivate: true });
        await led(
          `http://${PUBLIC}/to?${encodeURIComponent(fill(url))}`,
          1,
          'address_refused',
          /metadata/,
          options,
        );
      }
    });

    /** Asks each public host on the way, and nobody else. */
    async function led(
      url: string,
      hops: number,
      code: Code,
      says?: RegExp,
      options = wired(),
    ): Promise<void> {
      tried += 1;
      const [before, dialled, { hops: known, files: served }] = [
        attempts.count,
        net.dialled.length,
        { ...net.seen },
      ];
      const error = await failureOf(get(url, options), code, says);
      assert.doesNotMatch(error.message, /s3cret/);
      assert.equal(net.seen.hops, known + hops);
      assert.equal(net.seen.files, served, 'the target was reached');
      // A host that is asked twice may be asked on a kept connection.
      const begun = attempts.count - before;
      assert.ok(begun >= 1 && begun <= hops, `${begun} connections were begun`);
      assert.deepEqual(
        net.dialled.slice(dialled).filter((address) => address !== PUBLIC && address !== PUBLIC_6),
        [],
      );
      meant += begun;
    }
  });

  describe('on a machine with settings of its own', () => {
    it('goes past the proxies of the environment, which would look up and connect for us unchecked', async () => {
      const proxy = `http://127.0.0.1:${net.port}`;
      const script = `
        import { createDownloads } from './functions/adapters/download.ts';
        const seen = [];
        const downloads = createDownloads({
          allowPrivate: false,
          maxBytes: 1000,
          resolver: async (name) => { seen.push(name); return [{ address: '127.0.0.1', family: 4 }]; },
        });
        const { signal } = new AbortController();
        await downloads.get('http://proxied.example/', '/dev/null', { signal })
          .catch(({ code }) => console.log(code, ...seen));`;
      const files = net.seen.files;
      const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
        cwd: join(import.meta.dirname, '..', '..'),
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
      tried += 1;
      assert.equal(stdout.trim(), 'address_refused proxied.example', stderr);
      assert.equal(net.seen.files, files);
    });
  });

  it('are all refused, and none is reached', (t) => {
    const through = net.seen.connections - meant;
    t.diagnostic(
      `${tried} hostile addresses tried, ${through} got through (${meant} public connections did, as meant)`,
    );
    assert.ok(tried >= 90);
    assert.equal(through, 0);
    assert.equal(attempts.count, meant);
  });
});

function found(name: string): { address: string; family: number }[] {
  const addresses = NAMED[name] ?? NAMED_METADATA[name] ?? [];
  return addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
}
