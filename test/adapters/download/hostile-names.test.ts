import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createWebDownloads } from '../../../functions/adapters/download/download.ts';
import type { ResolvedAddress } from '../../../functions/adapters/shared/address-guard.ts';
import { download, failureOf } from '../../fixtures/network/downloading.ts';
import {
  type HostileStage,
  PUBLIC,
  PUBLIC_6,
  redirecting,
  startHostileStage,
} from '../../fixtures/network/hostile-stage.ts';

/** Names with at least one address that is not public: each name is refused entirely. */
const PRIVATE: Readonly<Record<string, readonly string[]>> = {
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
const METADATA: Readonly<Record<string, readonly string[]>> = {
  'metadata.example': ['169.254.169.254'],
  'metadata6.example': ['fd20:ce::254'],
  'metadata-mapped.example': ['::ffff:169.254.169.254'],
  'metadata-nat64.example': ['64:ff9b:1::a9fe:a9fe'],
  'metadata-azure.example': ['168.63.129.16'],
  'metadata-among-public.example': [PUBLIC, '169.254.170.2'],
};
const ALL = Object.entries({ ...PRIVATE, ...METADATA });
/** Answers that no resolver should give. */
const NONSENSE = ['', 'localhost', '0x7f.1', '2130706433', '127.1', '[::1]', '127.0.0.1:80', ' 127.0.0.1'];

describe('names', () => {
  let stage: HostileStage;
  before(async () => {
    stage = await startHostileStage({
      ...Object.fromEntries(ALL.map(([name, addresses]) => [name, [byFamily(addresses)]])),
      'alias.example': [{ cname: ['metadata.google.internal'], a: ['169.254.169.254'] }],
      'alias-of-alias.example': [{ cname: ['cdn.example', 'localhost'], a: ['127.0.0.1'] }],
      'alias6.example': [{ cname: ['metadata.google.internal'], aaaa: ['fd20:ce::254'] }],
      'empty.example': [{}],
      'empty-alias.example': [{ cname: ['metadata.google.internal'] }],
      'rebound.example': [{ a: [PUBLIC] }, { a: ['127.0.0.1'] }],
      'rebound6.example': [{ aaaa: [PUBLIC_6] }, { aaaa: ['::1'] }],
      'rebound-back.example': [{ a: ['127.0.0.1'] }, { a: [PUBLIC] }],
      'rebound-hop.example': [{ a: [PUBLIC] }, { a: ['127.0.0.1'] }],
      'rebound-kept.example': [{ a: [PUBLIC] }, { a: ['127.0.0.1'] }],
    });
  });
  after(() => stage[Symbol.asyncDispose]());

  it('of public hosts are reached at all their addresses', async () => {
    await stage.reaches('http://fine.example/', [PUBLIC, PUBLIC_6]);
    await stage.reaches('http://fine-alias.example/', [PUBLIC]);
    await stage.reaches('http://fine.example./', [PUBLIC, PUBLIC_6]);
    assert.equal(stage.net.seen.connections, stage.attempts.count, 'the counts differ');
  });

  for (const by of ['a resolver of the test', 'a name server on loopback']) {
    const fixed = by === 'a resolver of the test' ? { resolver: found } : {};
    for (const [name, addresses] of ALL) {
      it(`are refused, by ${by}: ${name}, which has ${addresses.slice(-2).join(' and ')}`, async () => {
        const url = `http://${name}:{port}/`;
        await stage.refused(url, stage.wired(fixed), 'address_refused', /resolves to/);
        const { resolver } = stage.wired(fixed);
        await stage.refused(url, stage.asItIs(resolver ? { resolver } : {}), 'address_refused');
      });
    }
    for (const name of Object.keys(METADATA)) {
      it(`are refused, by ${by}, where private addresses are allowed: ${name}`, async () => {
        const options = stage.wired({ ...fixed, allowPrivate: true });
        await stage.refused(`http://${name}:{port}/`, options, 'address_refused', /resolves to a metadata/);
      });
    }
  }

  for (const name of ['alias.example', 'alias-of-alias.example', 'alias6.example']) {
    it(`are refused: ${name}, an alias of a refused name`, () =>
      stage.refused(`http://${name}/`, stage.wired(), 'address_refused', /resolves to/));
  }

  for (const name of ['empty.example', 'empty-alias.example', 'nowhere.example']) {
    it(`are treated as a host that does not exist: ${name}, which has no address`, () =>
      stage.refused(`http://${name}/`, stage.wired(), 'source_unreachable'));
  }

  it('are refused if an answer is not an address', async () => {
    for (const address of NONSENSE) {
      for (const allowPrivate of [false, true]) {
        const resolver = async () => [PUBLIC, address].map((one) => ({ address: one, family: 4 }));
        const options = stage.wired({ resolver, allowPrivate });
        await stage.refused(
          'http://nonsense.example/',
          options,
          'address_refused',
          /does not resolve to an IP address/,
        );
      }
    }
  });

  it('of this machine are refused even if a resolver returns public addresses for them', async () => {
    const resolver = async () => [{ address: PUBLIC, family: 4 }];
    for (const name of ['localhost', 'a.localhost', 'localhost.']) {
      await stage.refused(`http://${name}/`, stage.wired({ resolver }), 'address_refused');
    }
  });

  it('are tried only at the checked addresses', async () => {
    const known = stage.attempts.count;
    // Nothing listens on 127.0.0.9.
    const resolver = async () => ['127.0.0.9', '127.0.0.1'].map((address) => ({ address, family: 4 }));
    const url = stage.fill('http://two.example:{port}/clip.mp4');
    await download(url, '/dev/null', stage.asItIs({ resolver, allowPrivate: true }));
    assert.deepEqual(stage.attempts.addresses.slice(known), ['127.0.0.9', '127.0.0.1']);
    stage.meant(1, 1);
  });

  describe('that change (DNS rebinding)', () => {
    for (const [name, to] of [
      ['rebound.example', PUBLIC],
      ['rebound6.example', PUBLIC_6],
    ] as const) {
      it(`are reached at the checked address after one lookup, and then refused: ${name}`, async () => {
        await stage.reaches(`http://${name}/`, [to]);
        assert.equal(stage.asked.filter((question) => question === `A ${name}`).length, 1);
        await stage.refused(`http://${name}/`, stage.wired(), 'address_refused');
      });
    }

    it('are refused at first and reached once they are public', async () => {
      await stage.refused('http://rebound-back.example/', stage.wired(), 'address_refused');
      await stage.reaches('http://rebound-back.example/', [PUBLIC]);
    });

    it('are checked again when they redirect to themselves', () =>
      stage.led(
        redirecting('http://rebound-hop.example/', 1, 'rebound-hop.example'),
        1,
        'address_refused',
        /rebound-hop\.example, which resolves to/,
      ));

    it('are checked again for each file, because no connection is kept', async () => {
      const { buildConnector, resolver } = stage.wired();
      await using downloads = createWebDownloads({
        allowPrivate: false,
        maxBytes: 1_000,
        ...(buildConnector && { buildConnector }),
        ...(resolver && { resolver }),
      });
      const { signal } = new AbortController();
      const [known, dialled] = [stage.attempts.count, stage.net.dialled.length];
      const get = () => downloads.get('http://rebound-kept.example/a', '/dev/null', { signal });
      await get();
      await failureOf(get(), 'address_refused');
      assert.deepEqual(stage.net.dialled.slice(dialled), [PUBLIC]);
      assert.equal(stage.attempts.count, known + 1);
      stage.meant(1);
    });
  });

  it('are all refused, and none is reached', (t) => stage.report(t));
});

async function found(name: string): Promise<ResolvedAddress[]> {
  const addresses = PRIVATE[name] ?? METADATA[name] ?? [];
  return addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
}

function byFamily(addresses: readonly string[]) {
  return {
    a: addresses.filter((ip) => !ip.includes(':')),
    aaaa: addresses.filter((ip) => ip.includes(':')),
  };
}
