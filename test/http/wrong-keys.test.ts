import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { createWrongKeys } from '../../functions/http/wrong-keys.ts';
import { fakeTime } from '../fixtures/system/fake-time.ts';

const OPEN = new AbortController().signal;

function started(t: TestContext, held?: number) {
  const time = fakeTime(t);
  const delayed: string[] = [];
  let passed = 0;
  const keys = createWrongKeys({
    now: () => time.now() + passed,
    onDelay: (caller) => delayed.push(caller),
    ...(held === undefined ? {} : { held }),
  });
  /** How long the answer took, in seconds; a refusal as `refused for N`. */
  const mistake = async (caller = 'a') => {
    const before = time.now();
    const wait = await time.passing(keys.add(caller, OPEN));
    return wait > 0 ? `refused for ${wait}` : Math.round((time.now() - before) / 1_000);
  };
  const mistakes = async (times: number, caller?: string) => {
    const took: (number | string)[] = [];
    for (let nth = 0; nth < times; nth++) took.push(await mistake(caller));
    return took;
  };
  const pass = (ms: number) => {
    passed += ms;
  };
  return { keys, mistake, mistakes, delayed, pass, time };
}

describe('wrong keys', () => {
  test('are answered at once a few times, and then later and later, up to a limit', async (t) => {
    const { mistakes, delayed } = started(t);
    assert.deepEqual(await mistakes(12), [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 16, 16]);
    assert.deepEqual(delayed, ['a'], 'told once');
  });

  test('of one address delay no other address', async (t) => {
    const { mistakes, mistake } = started(t);
    await mistakes(9, 'a');
    assert.equal(await mistake('b'), 0);
  });

  test('are refused while another of that address waits for its answer, which is told how long', async (t) => {
    const { keys, mistakes, time } = started(t);
    await mistakes(8);
    const waiting = keys.add('a', OPEN);
    assert.equal(await keys.add('a', OPEN), 8);
    assert.equal(await keys.add('a', OPEN), 8, 'a refusal makes it no worse');
    assert.equal(await time.passing(waiting), 0);
    assert.equal(await time.passing(keys.add('a', OPEN)), 0);
  });

  test('hold a limited number of answers at the same time, whatever the number of addresses', async (t) => {
    const { keys, mistakes, time } = started(t, 2);
    for (const caller of ['a', 'b', 'c']) await mistakes(5, caller);
    const waiting = [keys.add('a', OPEN), keys.add('b', OPEN)];
    assert.equal(await keys.add('c', OPEN), 1, 'refused instead');
    await time.passing(Promise.all(waiting));
  });

  test('whose caller hangs up hold nothing, and still cost the address its time', async (t) => {
    const { keys, mistakes, time } = started(t, 1);
    await mistakes(9, 'a');
    await mistakes(5, 'b');
    const left = new AbortController();
    const waiting = keys.add('a', left.signal);
    left.abort();
    assert.equal(await waiting, 0);
    assert.equal(await keys.add('a', OPEN), 16);
    assert.equal(await time.passing(keys.add('b', OPEN)), 0, 'the place is free');
  });

  test('are forgiven after a quarter of an hour', async (t) => {
    const { mistakes, pass, delayed } = started(t);
    await mistakes(7);
    pass(14 * 60_000);
    assert.deepEqual(await mistakes(1), [4]);
    pass(15 * 60_000 + 1_000);
    assert.deepEqual(await mistakes(6), [0, 0, 0, 0, 0, 1]);
    assert.deepEqual(delayed, ['a', 'a']);
  });
});
