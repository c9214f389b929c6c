import type { Firestore } from '@google-cloud/firestore';
import type { Validator } from '../../model/source.ts';
import type { UrlMemory } from '../../ports.ts';
import { type FirestoreConnection, hashId, retained } from './firestore.ts';

export interface FirestoreUrlsOptions {
  firestore: FirestoreConnection;
}

interface Stored {
  content: string;
  validator: Validator;
}

/** By the hash of the URL: a signed one is a secret. */
export function createFirestoreUrls({ firestore }: FirestoreUrlsOptions): UrlMemory {
  const at = (db: Firestore, url: string) => db.collection('urls').doc(hashId(url));

  return {
    recall: (url) =>
      firestore.run(async ({ db }) => {
        const stored = (await at(db, url).get()).data() as Stored | undefined;
        return stored && { content: stored.content, validator: stored.validator };
      }),

    remember: (url, content, validator) =>
      firestore.run(async ({ db }) => {
        await at(db, url).set({ content, validator, ...retained() });
      }),
  };
}
