/** Whose the names of files in an output folder are. */
import type { Firestore } from '@google-cloud/firestore';
import { namesRecord, shortId } from '../../model/names.ts';
import type { OutputFolder, Task } from '../../model/task.ts';
import { hashId } from '../shared/hash-id.ts';

/** Of those with this short id. */
export function nameAt(db: Firestore, { id, folder }: Task) {
  return db.collection('names').doc(hashId(folder.id, shortId(id)));
}

/** Of those without an id. */
export function takenAt(db: Firestore, folder: OutputFolder) {
  return db.collection('names').doc(hashId(namesRecord(folder)));
}
