import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { mixersFor, threadsFor } from '../../functions/base/machine.ts';

describe('the number of parallel jobs depends on cores and memory', () => {
  for (const [cores, memoryMb, threads, mixers] of [
    [1, 512, 1, 1],
    [2, 512, 1, 1],
    [8, 1_024, 2, 5],
    [8, 16_384, 4, 8],
    // Several encoders take the larger part.
    [64, 4_096, 4, 9],
    [2, 4_096, 2, 2],
    [4, 256, 1, 1],
    [2, 100, 1, 1],
  ] as const) {
    test(`${cores} cores and ${memoryMb} MB: ${threads} threads for an encoder, ${mixers} mixes`, () => {
      assert.deepEqual([threadsFor(cores, memoryMb), mixersFor(cores, memoryMb)], [threads, mixers]);
    });
  }
});
