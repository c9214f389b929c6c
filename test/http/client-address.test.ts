import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { addressInCloud, addressOnMachine } from '../../functions/http/client-address.ts';

function asked(ip: string | undefined, forwarded?: string): Request {
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
  return Object.assign(new Request('http://h/', { headers }), { ip });
}

describe('the client address', () => {
  const PROXY = '169.254.1.1';

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
      assert.equal(addressInCloud(asked(PROXY, forwarded)), caller, forwarded);
    }
    assert.equal(addressInCloud(asked(PROXY)), PROXY);
  });

  test('is that of the connection on a single machine, whatever a header says', () => {
    assert.equal(addressOnMachine(asked('192.0.2.1', '203.0.113.7')), '192.0.2.1');
  });

  test('is a whole network for IPv6, and the same for an IPv4 address however it is written', () => {
    const network = (ip: string) => addressOnMachine(asked(ip));
    assert.equal(network('2001:db8:1:2::1'), network('2001:db8:1:2:ffff:ffff:ffff:ffff'));
    assert.notEqual(network('2001:db8:1:2::1'), network('2001:db8:1:3::1'));
    assert.equal(network('::ffff:192.0.2.1'), '192.0.2.1');
    assert.equal(addressInCloud(asked(PROXY, '9.9.9.9, 2001:db8:1:2::5')), network('2001:db8:1:2::1'));
  });

  test('is one shared value for all clients whose address is unknown', () => {
    assert.equal(addressOnMachine(asked(undefined)), addressOnMachine(asked('?')));
  });
});
