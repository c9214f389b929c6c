/** Numbers as the page writes them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { duration, size } from '../../functions/web/ui/format.ts';

describe('numbers on the page', () => {
  test('have times that stay on one line', () => {
    assert.equal(duration(8.4), '8\u00a0s');
    assert.equal(duration(300), '5\u00a0min\u00a000\u00a0s');
    assert.equal(duration(4_320), '1\u00a0h\u00a012\u00a0min');
  });

  test('have sizes of small files in bytes', () => {
    assert.deepEqual(
      [size(1), size(693), size(1_000), size(3_400_000)],
      ['1 byte', '693 bytes', '1.0 KB', '3.4 MB'],
    );
  });
});
