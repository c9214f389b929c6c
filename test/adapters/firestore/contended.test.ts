/** A writer that changes a document between each read and write: too quick a race for the emulator. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DocumentReference } from '@google-cloud/firestore';
import { createFirestoreAttempts } from '../../../functions/adapters/firestore/attempts.ts';
import type { FirestoreConnection } from '../../../functions/adapters/firestore/firestore.ts';
import { createFirestoreMemo } from '../../../functions/adapters/firestore/memo.ts';
import { createFirestoreReports } from '../../../functions/adapters/firestore/reports.ts';
import { createFirestoreTasks } from '../../../functions/adapters/firestore/tasks.ts';
import { GRPC } from '../../../functions/adapters/shared/google-errors.ts';
import type { Report } from '../../../functions/model/report.ts';
import { fakeTime } from '../../fixtures/system/fake-time.ts';
import { SEAL } from '../../fixtures/system/seal.ts';

const FIELDS: Record<string, unknown> = { shards: 1, finishedAt: null };

/** Every document holds someone else's content, and no conditional write succeeds. */
function contended(forEver = 100): { firestore: FirestoreConnection; writes: () => number } {
  let writes = 0;
  const refuse = async () => {
    writes += 1;
    throw Object.assign(new Error(writes > forEver ? 'for ever' : 'changed'), {
      code: writes > forEver ? 'for ever' : GRPC.FAILED_PRECONDITION,
    });
  };
  const snapshot = {
    id: '00001',
    updateTime: {},
    data: () => ({ value: 'gone', body: '{}', seal: 'forged', token: 'other', restsUntil: null, tokens: [] }),
    readTime: {},
    get: (field: string) => (field in FIELDS ? FIELDS[field] : 'other'),
  };
  const document = {
    collection: () => collection,
    get: async () => snapshot,
    create: refuse,
    update: refuse,
  } as unknown as DocumentReference;
  const collection = { doc: () => document, get: async () => ({ docs: [] }) };
  const db = {
    collection: () => collection,
    getAll: async () => [snapshot],
    batch: () => ({ create() {}, update() {}, commit: refuse }),
  };
  const FieldValue = { increment() {}, minimum() {}, serverTimestamp() {}, delete() {} };
  const store = { db, sdk: { FieldValue } };
  const firestore = {
    run: (work: (connected: unknown) => unknown) => work(store),
    retained: () => ({}),
  } as unknown as FirestoreConnection;
  return { firestore, writes: () => writes };
}

describe('a document that someone changes again and again', () => {
  it('is given up for now, as a report, as a memo and as a task that ends', async () => {
    for (const write of [
      (firestore: FirestoreConnection) => createFirestoreTasks({ firestore, seal: SEAL }).finish('a'),
      (firestore: FirestoreConnection) =>
        createFirestoreReports({ firestore, seal: SEAL }).report('a', { index: 1 } as Report),
      (firestore: FirestoreConnection) => createFirestoreMemo({ firestore }).settle('a', 'own', 'gone'),
    ]) {
      const { firestore, writes } = contended();
      await assert.rejects(write(firestore), { code: 'platform_unavailable' });
      assert.equal(writes(), 5);
    }
  });

  it('is given up for now as attempts, after as many rounds as there may be other writers', async () => {
    const { firestore, writes } = contended(Number.POSITIVE_INFINITY);
    const attempts = createFirestoreAttempts({ firestore });
    await assert.rejects(attempts.record('a', 'crash'), { code: 'platform_unavailable' });
    assert.equal(writes(), 100);
  });
});

describe('the claim of a completion', () => {
  it('that neither gets older nor is published is given up for now', async (t) => {
    const time = fakeTime(t);
    const at = { seconds: 0, nanoseconds: 0 };
    let looks = 0;
    const claim = {
      async create() {
        throw Object.assign(new Error('exists'), { code: GRPC.ALREADY_EXISTS });
      },
      async get() {
        looks += 1;
        return { exists: true, createTime: at, readTime: at, get: () => 'of someone else' };
      },
      collection: () => claims,
    };
    const full = { data: () => ({ quota: 1, succeeded: 1, failed: 0, cancelled: 0 }) };
    const claims = { doc: () => claim, get: async () => ({ docs: [full] }) };
    const firestore = {
      run: (work: (connected: unknown) => unknown) => work({ db: { collection: () => claims } }),
      retained: () => ({}),
    } as unknown as FirestoreConnection;
    const { claimCompletion } = createFirestoreReports({ firestore, seal: SEAL });
    await assert.rejects(time.passing(claimCompletion('a')), { code: 'platform_unavailable' });
    assert.equal(looks, 20);
  });
});
