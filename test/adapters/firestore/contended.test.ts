/** A writer that changes a document between each read and write: too quick a race for the emulator. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DocumentReference } from '@google-cloud/firestore';
import type { FirestoreConnection } from '../../../functions/adapters/firestore/firestore.ts';
import { createFirestoreMemo } from '../../../functions/adapters/firestore/memo.ts';
import { createFirestoreReports } from '../../../functions/adapters/firestore/reports.ts';
import { GRPC } from '../../../functions/adapters/shared/google-errors.ts';
import type { Report } from '../../../functions/model/report.ts';
import { SEAL } from '../../fixtures/system/seal.ts';

/** Every document holds someone else's content, and no conditional write succeeds. */
function contended(): { firestore: FirestoreConnection; writes: () => number } {
  let writes = 0;
  const refuse = async () => {
    writes += 1;
    throw Object.assign(new Error(writes > 100 ? 'for ever' : 'changed'), {
      code: writes > 100 ? 'for ever' : GRPC.FAILED_PRECONDITION,
    });
  };
  const snapshot = {
    id: '00001',
    updateTime: {},
    data: () => ({ value: 'gone', body: '{}', seal: 'forged', token: 'other' }),
    get: (field: string) => (field === 'shards' ? 1 : 'other'),
  };
  const document = {
    collection: () => collection,
    get: async () => snapshot,
    create: refuse,
    update: refuse,
  } as unknown as DocumentReference;
  const collection = { doc: () => document };
  const db = {
    collection: () => collection,
    getAll: async () => [snapshot],
    batch: () => ({ create() {}, update() {}, commit: refuse }),
  };
  const store = { db, sdk: { FieldValue: { increment() {}, minimum() {} } } };
  const firestore = {
    run: (work: (connected: unknown) => unknown) => work(store),
  } as unknown as FirestoreConnection;
  return { firestore, writes: () => writes };
}

describe('a document that someone changes again and again', () => {
  it('is given up for now, as a report and as a memo', async () => {
    for (const write of [
      (firestore: FirestoreConnection) =>
        createFirestoreReports({ firestore, seal: SEAL }).report('a', { index: 1 } as Report),
      (firestore: FirestoreConnection) => createFirestoreMemo({ firestore }).settle('a', 'own', 'gone'),
    ]) {
      const { firestore, writes } = contended();
      await assert.rejects(write(firestore), { code: 'platform_unavailable' });
      assert.equal(writes(), 5);
    }
  });
});
