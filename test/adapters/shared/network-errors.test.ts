import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { downloadError } from '../../../functions/adapters/shared/network-errors.ts';
import { sleepingMachine } from '../../fixtures/system/sleeping-machine.ts';

describe('a host name that is not found', () => {
  for (const monotonic of ['stands', 'jumps'] as const) {
    test(`may be there after all in the first four minutes after a sleep: the clock ${monotonic}`, (t) => {
      const machine = sleepingMachine(t, monotonic);
      const { now } = performance;
      let passed = 0;
      t.mock.method(performance, 'now', () => now.call(performance) + passed);
      const error = Object.assign(new Error('look-up'), { code: 'ENOTFOUND' });
      const code = () => (downloadError(error, 'http://h/') as { code: string }).code;
      assert.equal(code(), 'source_unreachable');
      machine.sleep(48 * 3_600_000);
      // In small steps, because a long pause counts as sleep.
      for (; passed < 240_000; passed += 5_000) assert.equal(code(), 'network', `after ${passed} ms`);
      code();
      passed += 5_000;
      assert.equal(code(), 'source_unreachable');
    });
  }
});
