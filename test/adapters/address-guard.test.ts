import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import { describe, it } from 'node:test';
import {
  checkHostname,
  type GuardOptions,
  guardedLookup,
  isPublicAddress,
} from '../../functions/adapters/address-guard.ts';
import { PermanentError } from '../../functions/errors.ts';

const ADDRESSES: readonly [ip: string, isPublic: boolean, what: string][] = [
  ['8.8.8.8', true, 'ordinary IPv4'],
  ['93.184.216.34', true, 'ordinary IPv4'],
  ['1.1.1.1', true, 'ordinary IPv4'],
  ['172.15.255.255', true, 'just below 172.16/12'],
  ['172.32.0.0', true, 'just above 172.16/12'],
  ['100.63.255.255', true, 'just below shared address space'],
  ['100.128.0.0', true, 'just above shared address space'],
  ['223.255.255.255', true, 'last before multicast'],
  ['2606:4700:4700::1111', true, 'ordinary IPv6'],
  ['2a00:1450:4001:82a::200e', true, 'ordinary IPv6'],
  ['::ffff:8.8.8.8', true, 'mapped public IPv4'],
  ['64:ff9b::808:808', true, 'public IPv4 behind NAT64'],

  ['0.0.0.0', false, 'this host'],
  ['0.1.2.3', false, 'this network'],
  ['10.0.0.1', false, 'private 10/8'],
  ['10.255.255.255', false, 'private 10/8'],
  ['172.16.0.1', false, 'private 172.16/12'],
  ['172.31.255.255', false, 'private 172.16/12'],
  ['192.168.1.1', false, 'private 192.168/16'],
  ['127.0.0.1', false, 'loopback'],
  ['127.255.255.254', false, 'loopback'],
  ['100.64.0.1', false, 'shared address space (CGNAT)'],
  ['100.127.255.255', false, 'shared address space (CGNAT)'],
  ['169.254.0.1', false, 'link-local'],
  ['169.254.169.254', false, 'metadata'],
  ['100.100.100.200', false, 'metadata (Alibaba)'],
  ['168.63.129.16', false, "Azure's host agent"],
  ['192.0.0.192', false, 'metadata (Oracle)'],
  ['192.0.0.8', false, 'protocol assignments'],
  ['192.0.2.1', false, 'documentation'],
  ['198.51.100.7', false, 'documentation'],
  ['203.0.113.9', false, 'documentation'],
  ['198.18.0.1', false, 'benchmarking'],
  ['198.19.255.255', false, 'benchmarking'],
  ['192.88.99.1', false, '6to4 relay'],
  ['224.0.0.1', false, 'multicast'],
  ['239.255.255.255', false, 'multicast'],
  ['240.0.0.1', false, 'reserved'],
  ['255.255.255.255', false, 'broadcast'],
  ['::', false, 'unspecified'],
  ['::1', false, 'loopback'],
  ['::127.0.0.1', false, 'compatible loopback'],
  ['::8.8.8.8', false, 'compatible form, long out of use'],
  ['::ffff:127.0.0.1', false, 'mapped loopback'],
  ['::ffff:7f00:1', false, 'mapped loopback in hex'],
  ['::ffff:10.0.0.1', false, 'mapped private'],
  ['::ffff:169.254.169.254', false, 'mapped metadata'],
  ['64:ff9b::7f00:1', false, 'loopback behind NAT64'],
  ['64:ff9b::a00:1', false, 'private behind NAT64'],
  ['64:ff9b:1::808:808', false, 'local-use NAT64'],
  ['2002:7f00:1::', false, '6to4 of loopback'],
  ['2002:808:808::', false, '6to4'],
  ['2001:0:4136:e378:8000:63bf:3fff:fdd2', false, 'Teredo'],
  ['2001:db8::1', false, 'documentation'],
  ['3fff::1', false, 'documentation'],
  ['fc00::1', false, 'unique local'],
  ['fd12:3456:789a::1', false, 'unique local'],
  ['fd00:ec2::254', false, 'metadata (AWS)'],
  ['fd20:ce::254', false, 'metadata (Google)'],
  ['fe80::1', false, 'link-local'],
  ['fe80::1%eth0', false, 'link-local with a zone'],
  ['fec0::1', false, 'site-local'],
  ['ff02::1', false, 'multicast'],
  ['100::1', false, 'discard'],
  ['4000::1', false, 'not given out'],
  ['5f00::1', false, 'segment routing'],
  ['', false, 'nothing'],
  ['example.com', false, 'a name'],
  ['2130706433', false, 'a number'],
  ['0x7f.1', false, 'hexadecimal shorthand'],
  ['0177.0.0.1', false, 'octal'],
];

describe('isPublicAddress', () => {
  it('has a table that is worth the name', () => assert.ok(ADDRESSES.length >= 40));
  for (const [ip, isPublic, what] of ADDRESSES) {
    it(`${isPublic ? 'takes' : 'refuses'} ${ip || "''"} (${what})`, () =>
      assert.equal(isPublicAddress(ip), isPublic));
  }
});

function refusal(pattern: RegExp) {
  return (error: unknown) => {
    assert.ok(PermanentError.is(error), String(error));
    assert.equal(error.code, 'address_refused');
    assert.equal(error.stage, 'download');
    assert.match(error.message, pattern);
    return true;
  };
}

describe('checkHostname', () => {
  const strict = { allowPrivate: false };
  const loose = { allowPrivate: true };
  for (const host of ['127.0.0.1', '[::1]', '10.1.2.3', '[::ffff:7f00:1]']) {
    it(`refuses the literal ${host} unless private addresses are allowed`, () => {
      assert.throws(
        () => checkHostname(host, strict),
        refusal(/^Expected a public address, got .+\. Next step: /),
      );
      checkHostname(host, loose);
    });
  }
  const metadata = [
    '169.254.169.254',
    'metadata.google.internal',
    'METADATA.google.internal.',
    '[fd00:ec2::254]',
    '[fd20:ce::254]',
    '[FD20:00CE:0::254]',
    '[::ffff:a9fe:a9fe]',
    '[64:ff9b::a9fe:a9fe]',
    '[2002:a9fe:a9fe::1]',
  ];
  for (const host of metadata) {
    it(`refuses the metadata service as ${host}, whatever is allowed`, () => {
      assert.throws(() => checkHostname(host, strict), refusal(/metadata service/));
      assert.throws(() => checkHostname(host, loose), refusal(/metadata service/));
    });
  }
  it('leaves names to the look-up', () => checkHostname('example.com', strict));
});

function lookUp(
  options: Partial<GuardOptions>,
  addresses: readonly string[],
  { hostname = 'media.example', ...socket }: { hostname?: string; all?: boolean; family?: number } = {},
): Promise<string | LookupAddress[]> {
  const resolver = async () =>
    addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  const lookup = guardedLookup({ allowPrivate: false, resolver, ...options });
  return new Promise((resolve, reject) =>
    lookup(hostname, { all: true, ...socket }, (error, found) => (error ? reject(error) : resolve(found))),
  );
}

describe('guardedLookup', () => {
  it('hands back every checked address', async () => {
    assert.deepEqual(await lookUp({}, ['8.8.8.8', '2606:4700::1']), [
      { address: '8.8.8.8', family: 4 },
      { address: '2606:4700::1', family: 6 },
    ]);
  });

  it('hands back one address to sockets that ask for one', async () => {
    assert.equal(await lookUp({}, ['8.8.8.8', '1.1.1.1'], { all: false }), '8.8.8.8');
  });

  it('keeps to the family asked for', async () => {
    assert.equal(await lookUp({}, ['8.8.8.8', '2606:4700::1'], { all: false, family: 6 }), '2606:4700::1');
    await assert.rejects(lookUp({}, ['8.8.8.8'], { family: 6 }), { code: 'ENOTFOUND' });
  });

  it('refuses a name when only one of its addresses is private', async () => {
    await assert.rejects(lookUp({}, ['8.8.8.8', '10.0.0.5']), refusal(/media\.example, which resolves/));
  });

  it('does not tell which private address a name has', async () => {
    await assert.rejects(lookUp({}, ['10.0.0.5']), (error: Error) => !error.message.includes('10.0.0.5'));
  });

  it('lets private addresses pass where they are allowed', async () => {
    assert.deepEqual(await lookUp({ allowPrivate: true }, ['10.0.0.5']), [
      { address: '10.0.0.5', family: 4 },
    ]);
  });

  it('refuses a name that leads to a metadata service even where private addresses are allowed', async () => {
    for (const address of ['169.254.169.254', 'fd00:ec2::254', 'fd20:ce::254', '::ffff:169.254.169.254']) {
      await assert.rejects(lookUp({ allowPrivate: true }, [address]), refusal(/metadata service/));
    }
  });

  it('refuses the metadata name without resolving it', async () => {
    const resolver = async () => assert.fail('resolved');
    await assert.rejects(
      lookUp({ resolver }, [], { hostname: 'metadata.google.internal' }),
      refusal(/metadata/),
    );
  });

  it("passes the resolver's error on", async () => {
    const resolver = () => Promise.reject(Object.assign(new Error('no'), { code: 'EAI_AGAIN' }));
    await assert.rejects(lookUp({ resolver }, []), { code: 'EAI_AGAIN' });
  });
});
