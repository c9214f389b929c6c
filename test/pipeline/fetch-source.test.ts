import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PermanentError, TransientError } from '../../functions/base/errors.ts';
import { createDownloadPlaces, type DownloadPlaces } from '../../functions/coordination/download-places.ts';
import { fetchKey } from '../../functions/coordination/lease-keys.ts';
import { UNLIMITED } from '../../functions/coordination/semaphore.ts';
import { createFetching, MAX_ROUNDS, SLOW_ROUNDS } from '../../functions/pipeline/fetch-source.ts';
import type { Downloads } from '../../functions/ports/downloads.ts';
import { until } from '../contracts/harness.ts';
import { DELIVERY, useStages } from '../fixtures/hosts/stages.ts';
import { sleepingMachine } from '../fixtures/system/sleeping-machine.ts';

describe('fetching a source', () => {
  const s = useStages();

  function fetching(get: Downloads['get'], places: DownloadPlaces = createDownloadPlaces(), waitMs = 200) {
    const memo = { recall: async () => [undefined], settle: async () => '', remember: async () => {} };
    return createFetching({
      ...s.deps,
      ...{ memo, downloads: { get }, places, probing: () => UNLIMITED, waitMs },
    });
  }

  test('gives up a server that sends next to nothing after three rounds of one try each', async () => {
    let tries = 0;
    const slow = fetching(async () => {
      tries += 1;
      throw new TransientError('source_slow', 'Got 2 bytes in 20 s.', { retryAfterMs: 30_000 });
    });
    const task = await s.createTask();
    for (let round = 1; round < SLOW_ROUNDS; round++) {
      await assert.rejects(slow.fetchOnce(task, 0, DELIVERY.signal), { code: 'source_slow' });
      await assert.rejects(slow.fetchOnce(task, 0, DELIVERY.signal), { code: 'waiting' });
      s.local.endRests();
    }
    const { error } = await slow.fetchOnce(task, 0, DELIVERY.signal);
    assert.equal(error?.code, 'source_unreachable');
    assert.match(error?.message ?? '', /Got 2 bytes in 20 s\. It was tried in 3 rounds/);
    assert.equal(tries, SLOW_ROUNDS);
  });

  test('says that a file is cut short, once its server has ended it early in every round', async () => {
    const short = fetching(async () => {
      // As long as its retries may take, so that each round is one try.
      throw new TransientError('source_cut', 'Got 5 of 9 bytes.', { retryAfterMs: 600_000 });
    });
    const task = await s.createTask();
    for (let round = 1; round < MAX_ROUNDS; round++) {
      await assert.rejects(short.fetchOnce(task, 0, DELIVERY.signal), { code: 'source_cut' });
      s.local.endRests();
    }
    const { error } = await short.fetchOnce(task, 0, DELIVERY.signal);
    assert.equal(error?.code, 'media_truncated');
    assert.match(error?.message ?? '', /Got 5 of 9 bytes\. It was tried in 6 rounds/);
  });

  test('does not count rounds of a network that failed against a server that is slow later', async () => {
    const codes = ['network', 'network', 'source_slow', 'source_slow', 'source_slow'] as const;
    let tries = 0;
    const changing = fetching(async () => {
      const code = codes[tries++] ?? 'network';
      // As long as its retries may take, so that each round is one try.
      throw new TransientError(code, `Got ${code}.`, { retryAfterMs: 600_000 });
    });
    const task = await s.createTask();
    for (const code of codes.slice(0, -1)) {
      await assert.rejects(changing.fetchOnce(task, 0, DELIVERY.signal), { code });
      s.local.endRests();
    }
    const { error } = await changing.fetchOnce(task, 0, DELIVERY.signal);
    assert.equal(error?.code, 'source_unreachable');
    assert.match(error?.message ?? '', /Got source_slow\. It was tried in 5 rounds/);
  });

  test('hands the message back, and holds no lease, while all places for downloads are taken', async () => {
    const places = createDownloadPlaces({ all: 2, perHost: 2 });
    const held = Promise.withResolvers<never>();
    let begun = 0;
    const hanging = () => {
      begun += 1;
      return held.promise;
    };
    const stuck = fetching(hanging, places, 60_000);
    const impatient = fetching(hanging, places);
    const task = await s.createTask();
    const other = await s.createTask({ name: 'other' });
    const first = stuck.fetchOnce(task, 0, DELIVERY.signal);
    await until(() => begun === 1, 'the first download');
    await assert.rejects(impatient.fetchOnce(task, 1, DELIVERY.signal), { code: 'waiting' });
    assert.deepEqual(await s.deps.leases.read([fetchKey(task.id, 1)]), ['released']);
    const beside = stuck.fetchOnce(other, 0, DELIVERY.signal);
    await until(() => begun === 2, 'the other download');
    held.reject(new PermanentError('source_not_found', 'download', 'The test is over.'));
    await Promise.allSettled([first, beside]);
  });

  // The last one, because from then on this machine has just slept.
  test('counts no round while the network comes back after a sleep, only what a server answers', async (t) => {
    const machine = sleepingMachine(t, 'jumps');
    const task = await s.createTask();
    let code: 'network' | 'source_slow' | 'source_cut' | 'source_busy' = 'network';
    const lost = fetching(async () => {
      // As long as its retries may take, so that each round is one try.
      throw new TransientError(code, 'Got nothing.', { retryAfterMs: 600_000 });
    });
    for (let sleeps = 0; sleeps < 2 * MAX_ROUNDS; sleeps++) {
      machine.sleep(1_200_000);
      for (code of ['network', 'source_slow', 'source_cut'] as const) {
        await assert.rejects(lost.fetchOnce(task, 0, DELIVERY.signal), { code });
      }
    }
    code = 'source_busy';
    await assert.rejects(lost.fetchOnce(task, 0, DELIVERY.signal), { code });
    await assert.rejects(lost.fetchOnce(task, 0, DELIVERY.signal), { code: 'waiting' });
  });
});
