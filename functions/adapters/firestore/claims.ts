import type { DocumentSnapshot, Firestore } from '@google-cloud/firestore';
import { claimRecord } from '../../model/names.ts';
import type { ClaimHolder } from '../../model/task.ts';
import type { Seal } from '../../ports/seal.ts';
import { documentId, millisecondsBetween, taskAt } from './firestore.ts';

export interface StoredClaim {
  taskId: string;
  fingerprint: string;
  /** Counted from the document's last write, by the store's clock; null if the claim never expires. */
  ttlMs: number | null;
  seal: string;
}

export function claimAt(db: Firestore, key: string) {
  return db.collection('claims').doc(documentId(key));
}

/** Undefined if the claim is free, has expired, has a wrong seal, or is that of a task that is gone. */
export async function holderOf(
  db: Firestore,
  key: string,
  snapshot: DocumentSnapshot,
  seal: Seal,
): Promise<ClaimHolder | undefined> {
  if (snapshot.updateTime === undefined) return undefined;
  const stored = snapshot.data() as StoredClaim;
  if (!seal.fits(claimRecord(key), contentOf(stored), stored.seal)) return undefined;
  const { taskId, fingerprint, ttlMs } = stored;
  const age = millisecondsBetween(snapshot.updateTime, snapshot.readTime);
  if (ttlMs !== null && age >= ttlMs) return undefined;
  const [task] = await db.getAll(taskAt(db, taskId), { fieldMask: ['storedAt'] });
  return task?.exists ? { taskId, fingerprint } : undefined;
}

/** What the seal of a claim is made of. */
export function contentOf({ taskId, fingerprint, ttlMs }: Omit<StoredClaim, 'seal'>): string {
  return JSON.stringify([taskId, fingerprint, ttlMs]);
}
