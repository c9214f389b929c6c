import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { keptFor, oneAtATime } from '../../functions/base/looks.ts';

describe('one look at a time', () => {
  test('is shared by all who ask meanwhile, and made again for whoever asks later', async () => {
    let looks = 0;
    const look = oneAtATime(async () => ++looks, 60_000);
    assert.deepEqual(await Promise.all([look(), look()]), [1, 1]);
    assert.equal(await look(), 2);
  });

  test('is waited for only so long, and not made again while it hangs', async () => {
    let looks = 0;
    const hanging = Promise.withResolvers<string>();
    const look = oneAtATime(() => {
      looks += 1;
      return hanging.promise;
    }, 5);
    await assert.rejects(look(), /within 0.005 s/);
    await assert.rejects(look(), /within 0.005 s/);
    assert.equal(looks, 1);
    hanging.resolve('at last');
    await hanging.promise;
    assert.equal(await look(), 'at last');
    assert.equal(looks, 2);
  });
});

describe('what is kept', () => {
  test('is found anew once it is too old', async () => {
    const clock = { ms: 0 };
    let looks = 0;
    const look = keptFor(
      1_000,
      async () => ++looks,
      () => clock.ms,
    );
    assert.deepEqual([await look(), await look()], [1, 1]);
    clock.ms = 999;
    assert.equal(await look(), 1);
    clock.ms = 1_000;
    assert.equal(await look(), 2);
  });

  test('is no error', async () => {
    let looks = 0;
    const look = keptFor(60_000, async () => {
      looks += 1;
      if (looks === 1) throw new Error('the disk is away');
      return looks;
    });
    await assert.rejects(look(), /away/);
    assert.equal(await look(), 2);
  });
});
