import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { addressInCloud, addressOnMachine } from '../../functions/http/client-address.ts';

function asked(ip: string | undefined, forwarded?: string): Request {
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
  return Object.assign(new Request('http://h/', { headers }), { ip });
}

describe('a caller', () => {
  const PROXY = '169.254.1.1';

  test('in the cloud is the last address that its front end names', () => {
    for (const [forwarded, caller] of [
      ['203.0.113.7', '203.0.113.7'],
      ['198.51.100.1, 203.0.113.7', '203.0.113.7'],
      ['198.51.100.1,198.51.100.2 ,  203.0.113.7', '203.0.113.7'],
      ['not an address, 203.0.113.7', '203.0.113.7'],
      // Not the caller's own claim, where the last is none.
      ['203.0.113.7, unknown', PROXY],
      ['203.0.113.7,', PROXY],
      ['', PROXY],
    ] as const) {
      assert.equal(addressInCloud(asked(PROXY, forwarded)), caller, forwarded);
    }
    assert.equal(addressInCloud(asked(PROXY)), PROXY);
  });

  test('on one machine is who holds the connection, whatever a header says', () => {
    assert.equal(addressOnMachine(asked('192.0.2.1', '203.0.113.7')), '192.0.2.1');
  });

  test('by IPv6 is a whole network, and an IPv4 address is the same however it is written', () => {
    const network = (ip: string) => addressOnMachine(asked(ip));
    assert.equal(network('2001:db8:1:2::1'), network('2001:db8:1:2:ffff:ffff:ffff:ffff'));
    assert.notEqual(network('2001:db8:1:2::1'), network('2001:db8:1:3::1'));
    assert.equal(network('::ffff:192.0.2.1'), '192.0.2.1');
    assert.equal(addressInCloud(asked(PROXY, '9.9.9.9, 2001:db8:1:2::5')), network('2001:db8:1:2::1'));
  });

  test('whose address is not known is counted with all of those', () => {
    assert.equal(addressOnMachine(asked(undefined)), addressOnMachine(asked('?')));
  });
});
