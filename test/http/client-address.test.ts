import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { clientAddressReader } from '../../functions/http/client-address.ts';

function asked(ip: string | undefined, forwarded?: string): Request {
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
  return Object.assign(new Request('http://h/', { headers }), { ip });
}

describe('the client address', () => {
  const PROXY = '169.254.1.1';
  const inCloud = clientAddressReader({ inCloud: true, trustedProxies: 0 });
  const onMachine = clientAddressReader({ inCloud: false, trustedProxies: 0 });

  test('is the last one that the front end names in the cloud', () => {
    for (const [forwarded, caller] of [
      ['203.0.113.7', '203.0.113.7'],
      ['198.51.100.1, 203.0.113.7', '203.0.113.7'],
      ['198.51.100.1,198.51.100.2 ,  203.0.113.7', '203.0.113.7'],
      ['not an address, 203.0.113.7', '203.0.113.7'],
      // Never the client's own claim, even if the last entry is invalid.
      ['203.0.113.7, unknown', PROXY],
      ['203.0.113.7,', PROXY],
      ['', PROXY],
    ] as const) {
      assert.equal(inCloud(asked(PROXY, forwarded)), caller, forwarded);
    }
    assert.equal(inCloud(asked(PROXY)), PROXY);
  });

  test('is that of the connection on a single machine, whatever a header says', () => {
    assert.equal(onMachine(asked('192.0.2.1', '203.0.113.7')), '192.0.2.1');
  });

  test('is the one that the outermost trusted proxy saw, on both hosts', () => {
    const forged = '1.1.1.1, 2.2.2.2';
    for (const [trustedProxies, entries, caller] of [
      [1, `${forged}, 203.0.113.7`, '203.0.113.7'],
      [2, `${forged}, 203.0.113.7, 10.0.0.2`, '203.0.113.7'],
      [3, `${forged}, 203.0.113.7, 10.0.0.2, 10.0.0.3`, '203.0.113.7'],
      // Who comes past the outer proxy writes no entry of its own: the proxy's own view is all there is.
      [2, '203.0.113.7', '203.0.113.7'],
      [2, `unknown, 10.0.0.2`, '10.0.0.2'],
      [2, `${forged}, , 10.0.0.2`, '10.0.0.2'],
      [2, `${forged}, _hidden, obfuscated`, PROXY],
      [2, '', PROXY],
    ] as const) {
      const local = clientAddressReader({ inCloud: false, trustedProxies });
      assert.equal(local(asked(PROXY, entries)), caller, `${trustedProxies}: ${entries}`);
      // The front end of the cloud appends one entry more.
      const cloud = clientAddressReader({ inCloud: true, trustedProxies: trustedProxies - 1 });
      assert.equal(cloud(asked(PROXY, entries)), caller, `cloud, ${trustedProxies - 1}: ${entries}`);
    }
    assert.equal(clientAddressReader({ inCloud: false, trustedProxies: 1 })(asked(PROXY)), PROXY);
  });

  test('is read without its port, in every notation of a proxy, and is never half an address', () => {
    const local = clientAddressReader({ inCloud: false, trustedProxies: 1 });
    for (const [entry, caller] of [
      ['203.0.113.7:4711', '203.0.113.7'],
      ['[2001:db8:1:2::9]:4711', '2001:db8:1:2::/64'],
      ['[2001:db8:1:2::9]', '2001:db8:1:2::/64'],
      ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
      ['::ffff:203.0.113.7', '203.0.113.7'],
      ['[::ffff:203.0.113.7]:1', '203.0.113.7'],
      ['203.0.113.7:port', PROXY],
      ['203.0.113', PROXY],
      ['0x7f.1', PROXY],
      ['3232235777', PROXY],
      ['203.0.113.7 evil', PROXY],
      ['localhost', PROXY],
    ] as const) {
      assert.equal(local(asked(PROXY, `198.51.100.1, ${entry}`)), caller, entry);
    }
  });

  test('is read from all headers of the name, in their order', () => {
    const request = asked(PROXY, '203.0.113.7');
    request.headers.append('x-forwarded-for', '198.51.100.9');
    assert.equal(clientAddressReader({ inCloud: false, trustedProxies: 1 })(request), '198.51.100.9');
    assert.equal(clientAddressReader({ inCloud: false, trustedProxies: 2 })(request), '203.0.113.7');
  });

  test('is a whole network for IPv6, and the same for an IPv4 address however it is written', () => {
    const network = (ip: string) => onMachine(asked(ip));
    assert.equal(network('2001:db8:1:2::1'), network('2001:db8:1:2:ffff:ffff:ffff:ffff'));
    assert.notEqual(network('2001:db8:1:2::1'), network('2001:db8:1:3::1'));
    assert.equal(network('::ffff:192.0.2.1'), '192.0.2.1');
    assert.equal(inCloud(asked(PROXY, '9.9.9.9, 2001:db8:1:2::5')), network('2001:db8:1:2::1'));
  });

  test('is the same whatever the network interface is called that it was seen on', () => {
    for (const zone of ['eth0', 'br-12ab', 'eth0.100', '', '%', '-'])
      assert.equal(onMachine(asked(`fe80::1%${zone}`)), 'fe80::/64', zone);
  });

  test('is one shared value for all clients whose address is unknown', () => {
    assert.equal(onMachine(asked(undefined)), onMachine(asked('?')));
  });
});
