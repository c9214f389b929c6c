import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import { describe, it } from 'node:test';
import {
  checkHostname,
  type GuardOptions,
  guardedLookup,
} from '../../../functions/adapters/shared/address-guard.ts';
import { PermanentError } from '../../../functions/base/errors.ts';

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
  for (const host of ['127.0.0.1', '[::1]', '10.1.2.3', '[::ffff:7f00:1]', 'localhost', 'a.LOCALHOST..']) {
    it(`refuses ${host} unless private addresses are allowed`, () => {
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
  it('leaves names to the lookup', () => checkHostname('example.com', strict));
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
  it('returns every checked address', async () => {
    assert.deepEqual(await lookUp({}, ['8.8.8.8', '2606:4700::1']), [
      { address: '8.8.8.8', family: 4 },
      { address: '2606:4700::1', family: 6 },
    ]);
  });

  it('returns one address to sockets that ask for one', async () => {
    assert.equal(await lookUp({}, ['8.8.8.8', '1.1.1.1'], { all: false }), '8.8.8.8');
  });

  it('returns only the requested address family', async () => {
    assert.equal(await lookUp({}, ['8.8.8.8', '2606:4700::1'], { all: false, family: 6 }), '2606:4700::1');
    await assert.rejects(lookUp({}, ['8.8.8.8'], { family: 6 }), { code: 'ENOTFOUND' });
  });

  it('refuses a name when only one of its addresses is private', async () => {
    await assert.rejects(lookUp({}, ['8.8.8.8', '10.0.0.5']), refusal(/media\.example, which resolves/));
  });

  it('does not reveal which private address a name has', async () => {
    await assert.rejects(lookUp({}, ['10.0.0.5']), (error: Error) => !error.message.includes('10.0.0.5'));
  });

  it('allows private addresses if the options say so', async () => {
    assert.deepEqual(await lookUp({ allowPrivate: true }, ['10.0.0.5']), [
      { address: '10.0.0.5', family: 4 },
    ]);
  });

  it('refuses a name of a metadata service even if private addresses are allowed', async () => {
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
