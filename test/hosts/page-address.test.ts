import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { invitation, pageAddress } from '../../functions/hosts/page-address.ts';

describe('the address of the page', () => {
  for (const [listens, opens] of [
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080'],
    ['http://[::1]:8080', 'http://[::1]:8080'],
    ['http://192.168.1.7:80', 'http://192.168.1.7'],
    ['http://0.0.0.0:8080', 'http://localhost:8080'],
    ['http://[::]:36855', 'http://localhost:36855'],
  ] as const) {
    test(`is ${opens} of a service at ${listens}`, () => {
      assert.equal(pageAddress(listens), opens);
    });
  }

  test('has a line of its own in a terminal', () => {
    assert.match(
      invitation('http://127.0.0.1:8080'),
      /^\n {2}Open http:\/\/127\.0\.0\.1:8080 in your browser\n\n$/,
    );
  });
});
