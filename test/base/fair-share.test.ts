import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { leavesRoom } from '../../functions/base/fair-share.ts';

describe('a fair share of places', () => {
  /** What each of several gets, if each takes all it may before the next one comes. */
  function takenInTurn(places: number, count: number): number[] {
    let free = places;
    return Array.from({ length: count }, () => {
      let held = 0;
      while (leavesRoom(held, free)) {
        held += 1;
        free -= 1;
      }
      return held;
    });
  }

  test('is a fifth for one alone, then a fifth of the rest', () => {
    assert.deepEqual(takenInTurn(100, 3), [20, 16, 13]);
  });

  test('is at least one place for each of a dozen, however greedy those before it are', () => {
    for (const places of [48, 96, 160]) assert.ok(takenInTurn(places, 13).every((held) => held > 0));
  });

  test('is the only place, if there is one', () => {
    assert.deepEqual(takenInTurn(1, 2), [1, 0]);
  });
});
