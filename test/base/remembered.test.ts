import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { remembered } from '../../functions/base/remembered.ts';

describe('remembered', () => {
  test('calls the function once for the same arguments', () => {
    const calls: [string, number][] = [];
    const repeat = remembered((text: string, times: number) => {
      calls.push([text, times]);
      return text.repeat(times);
    });
    for (const _ of [1, 2])
      assert.deepEqual([repeat('a', 2), repeat('a', 3), repeat('', 3)], ['aa', 'aaa', '']);
    assert.deepEqual(calls, [
      ['a', 2],
      ['a', 3],
      ['', 3],
    ]);
  });

  test('keeps no results of long arguments', () => {
    let calls = 0;
    const length = remembered((text: string) => {
      calls++;
      return text.length;
    });
    for (const _ of [1, 2]) assert.equal(length('a'.repeat(1_001)), 1_001);
    assert.equal(calls, 2);
  });

  test('keeps a limited number of results', () => {
    let calls = 0;
    const same = remembered((number: number) => {
      calls++;
      return number;
    }, 10);
    for (let number = 0; number < 11; number++) same(number);
    assert.equal(same(0), 0);
    assert.equal(calls, 12);
    same(10);
    assert.equal(calls, 12);
  });
});
