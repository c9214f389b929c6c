import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { downloadError, tooSlow } from '../../../functions/adapters/shared/network-errors.ts';
import { detectSleep } from '../../../functions/base/awake.ts';
import { sleepingMachine } from '../../fixtures/system/sleeping-machine.ts';

const NOT_FOUND = Object.assign(new Error('look-up'), { code: 'ENOTFOUND' });
const codeOf = (error: unknown) => (error as { code: string }).code;

describe('a pause of a process that does not detect sleep, as of an instance in the cloud', () => {
  test('changes nothing: its processor was away, and its network was not', (t) => {
    const machine = sleepingMachine(t, 'jumps');
    for (let times = 0; times < 2; times++) {
      assert.equal(codeOf(downloadError(NOT_FOUND, 'http://h/')), 'source_unreachable');
      machine.sleep(120_000);
    }
    assert.equal(codeOf(tooSlow('http://h/', 'no bytes')), 'source_slow');
  });
});

describe('a host name that is not found', () => {
  for (const monotonic of ['stands', 'jumps'] as const) {
    test(`may be there after all in the first four minutes after a sleep: the clock ${monotonic}`, (t) => {
      const machine = sleepingMachine(t, monotonic);
      const { now } = performance;
      let passed = 0;
      t.mock.method(performance, 'now', () => now.call(performance) + passed);
      detectSleep();
      const code = () => codeOf(downloadError(NOT_FOUND, 'http://h/'));
      assert.equal(code(), 'source_unreachable');
      machine.sleep(48 * 3_600_000);
      // In small steps, because a long pause counts as sleep.
      for (; passed < 240_000; passed += 5_000) {
        assert.equal(code(), 'network', `after ${passed} ms`);
        // Nor is a server to blame for a connection that the sleep has ended.
        assert.equal(codeOf(tooSlow('http://h/', 'no bytes')), 'network');
      }
      code();
      passed += 5_000;
      assert.equal(code(), 'source_unreachable');
      assert.equal(codeOf(tooSlow('http://h/', 'no bytes')), 'source_slow');
    });
  }
});
