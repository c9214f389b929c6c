import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createAllowance } from '../../../functions/adapters/elevenlabs/allowance.ts';

const heard = (maximum: number | null, current: number | null, tooMany = false) => ({
  maximum: maximum === null ? null : String(maximum),
  current: current === null ? null : String(current),
  tooMany,
});

describe('createAllowance', () => {
  it('starts with the limit of the smallest plan', () => {
    assert.equal(createAllowance().atOnce(), 2);
  });

  it('follows the maximum of the latest answer, up and down', () => {
    const allowance = createAllowance();
    for (const maximum of [15, 5, 1, 10]) {
      allowance.hear(heard(maximum, 1));
      assert.equal(allowance.atOnce(), maximum);
    }
  });

  it('stays as it is if an answer has no or invalid headers', () => {
    const allowance = createAllowance();
    allowance.hear(heard(5, 1));
    allowance.hear(heard(null, null));
    for (const maximum of ['', 'many', '-1', '0', '1e9', '2.5']) {
      allowance.hear({ maximum, current: maximum, tooMany: false });
    }
    assert.equal(allowance.atOnce(), 5);
  });

  it('leaves others the places that they certainly use: those beyond our own', () => {
    const allowance = createAllowance();
    allowance.hear(heard(5, 5));
    assert.equal(allowance.atOnce(), 2, '2 were ours, so 3 were not');
    allowance.hear(heard(5, 5));
    assert.equal(allowance.atOnce(), 2, 'still so');
    allowance.hear(heard(5, 2));
    assert.equal(allowance.atOnce(), 3, 'one is back');
  });

  it('does not count the requests of our other processes as those of others', () => {
    const allowance = createAllowance();
    allowance.hear(heard(10, 2));
    for (const current of [1, 7, 10, 3]) {
      allowance.hear(heard(10, current));
      assert.equal(allowance.atOnce(), 10);
    }
  });

  it('gives one place up with each refusal, and takes one back with each success', () => {
    const allowance = createAllowance();
    allowance.hear(heard(5, 1));
    allowance.hear(heard(5, 5, true));
    allowance.hear(heard(5, 5, true));
    assert.equal(allowance.atOnce(), 3);
    allowance.hear(heard(5, 2));
    assert.equal(allowance.atOnce(), 4);
    allowance.hear(heard(5, 2));
    assert.equal(allowance.atOnce(), 5);
    allowance.hear(heard(5, 2));
    assert.equal(allowance.atOnce(), 5);
  });

  it('never goes below one, however often it is refused, and recovers from there', () => {
    const allowance = createAllowance();
    for (let time = 0; time < 20; time++) allowance.hear(heard(3, 9, true));
    assert.equal(allowance.atOnce(), 1);
    allowance.hear(heard(3, 1));
    assert.equal(allowance.atOnce(), 2);
  });
});
