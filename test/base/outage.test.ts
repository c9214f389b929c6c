import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createOutage } from '../../functions/base/outage.ts';
import { fakeTime } from '../fixtures/system/fake-time.ts';

const FOREVER = new AbortController().signal;
const FULL = new Error('The disk is full');

function observed() {
  const told: string[] = [];
  const outage = createOutage({
    began: (error) => told.push(`began: ${(error as Error).message}`),
    over: (seconds) => told.push(`over after ${Math.round(seconds)} s`),
  });
  return { outage, told };
}

describe('an outage', () => {
  test('is told once when it begins and once when it is over, however many tries fail', async (t) => {
    const time = fakeTime(t);
    const { outage, told } = observed();
    for (let second = 0; second < 30; second++) {
      for (let times = 0; times < 20; times++) outage.failed(FULL);
      await time.passing(pause(1_000));
    }
    assert.deepEqual(told, ['began: The disk is full']);
    outage.worked();
    await time.passing(pause(6_000));
    assert.deepEqual(told, ['began: The disk is full', 'over after 29 s']);
    outage.worked();
    await time.passing(pause(6_000));
    assert.equal(told.length, 2);
  });

  test('is one while some tries work and others do not, as on a disk that is almost full', async (t) => {
    const time = fakeTime(t);
    const { outage, told } = observed();
    for (let times = 0; times < 10; times++) {
      outage.failed(FULL);
      outage.worked();
      await time.passing(pause(2_000));
    }
    assert.equal(told.length, 1);
    await time.passing(pause(6_000));
    assert.equal(told.length, 2);
  });

  test('has growing pauses, and ends them with the first success', async (t) => {
    const time = fakeTime(t);
    const { outage } = observed();
    outage.failed(FULL);
    let tries = 0;
    while (time.now() < 60_000) {
      await time.passing(outage.pause(FOREVER));
      outage.failed(FULL);
      tries++;
    }
    assert.ok(tries > 10 && tries < 25, `got ${tries} tries in a minute`);
    const began = time.now();
    const waiting = outage.pause(FOREVER);
    outage.worked();
    await time.passing(waiting);
    assert.equal(time.now(), began);
  });
});
