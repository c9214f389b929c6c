import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, it } from 'node:test';
import * as sdk from '@google-cloud/firestore';
import { COLLECTIONS, shardsOf } from '../../../functions/adapters/firestore/firestore.ts';
import * as queries from '../../../functions/adapters/firestore/queries.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const FUNCTIONS = join(ROOT, 'functions');
const db = new sdk.Firestore({ projectId: 'x' });
const store = { db, sdk };

type Field = { field: { fieldPath: string } };
interface Filter {
  compositeFilter?: { filters: Filter[] };
  fieldFilter?: Field;
  unaryFilter?: Field;
}
/** The parts of the client's wire format that decide which index a query needs. */
interface Wire {
  structuredQuery: {
    from: [{ collectionId: string; allDescendants?: boolean }];
    where?: Filter;
    orderBy?: (Field & { direction: string })[];
  };
}

type Override = { collectionGroup: string; fieldPath: string; ttl?: boolean; indexes: unknown[] };
/** The format of the Firebase CLI: https://firebase.google.com/docs/reference/firestore/indexes */
interface Declared {
  indexes: { collectionGroup: string; queryScope: string; fields: { fieldPath: string; order: string }[] }[];
  fieldOverrides: Override[];
}
const declared = JSON.parse(
  readFileSync(join(ROOT, 'infra', 'cloud', 'firestore.indexes.json'), 'utf8'),
) as Declared;
const nameOf = ({ collectionGroup, fieldPath }: Override) => `${collectionGroup}.${fieldPath}`;
const exempted = declared.fieldOverrides.filter(({ indexes }) => indexes.length === 0).map(nameOf);

/** All queries, by the function that builds them. */
const BUILT: Record<keyof typeof queries, readonly sdk.Query[]> = {
  openTasks: [queries.openTasks(store)],
  unfinishedTasks: [
    queries.unfinishedTasks(store, 100),
    queries.unfinishedTasks(store, 100, { storedAt: sdk.Timestamp.now(), documentId: 'a' }),
  ],
  listedTasks: [
    queries.listedTasks(store, { limit: 100 }),
    queries.listedTasks(store, { limit: 100, after: { at: 1, id: 'a' } }),
    queries.listedTasks(store, { limit: 100, name: 'a' }),
    queries.listedTasks(store, { limit: 100, ended: 'open' }),
    queries.listedTasks(store, { limit: 100, name: 'a', ended: 'partial' }),
  ],
  claimsOf: [queries.claimsOf(store, 'a', 100)],
  expiryTimes: [
    queries.expiryTimes(store, shardsOf(db, 'a'), 100),
    queries.expiryTimes(store, shardsOf(db, 'a'), 100, shardsOf(db, 'a').doc('b')),
  ],
  allShards: [queries.allShards(store, 'a')],
  allPins: [queries.allPins(store, 'a')],
  readyPins: [queries.readyPins(store, 'a')],
  dueWebhooks: [queries.dueWebhooks(store, 1, 100, 0)],
  latestProblems: [queries.latestProblems(store, 'a', 10)],
};

/** Large, random or ever-growing fields that no query uses: an index would only cost money. */
const NOT_TO_BE_INDEXED: readonly string[] = [
  ...['body', 'seal', 'finishedAt', 'createdAt', 'sources', 'renders', 'totals'].map(
    (field) => `tasks.${field}`,
  ),
  ...['body', 'seal', 'token'].map((field) => `renders.${field}`),
  ...['quota', 'succeeded', 'failed', 'cancelled', 'succeededAt', 'targets'].map(
    (field) => `shards.${field}`,
  ),
  'pins.pin',
  'problems.body',
  'problems.since',
  ...['token', 'ttlMs'].map((field) => `leases.${field}`),
  ...['tokens', 'crashes', 'failures', 'round', 'restsUntil', 'lapses'].map((field) => `attempts.${field}`),
  'claims.fingerprint',
  'claims.seal',
  'memos.value',
  'webhooks.askedAt',
  'webhooks.body',
  'webhooks.event',
  'webhooks.seal',
  'usage.bought',
  'usage.saved',
];

/** The fields that a query uses, and the composite index that it needs in addition to the automatic ones. */
function needOf(query: sdk.Query): { fields: string[]; composite: string | undefined } {
  const { from, where, orderBy = [] } = (query as unknown as { toProto(): Wire }).toProto().structuredQuery;
  const [{ collectionId, allDescendants = false }] = from;
  assert.ok(!allDescendants, 'expected a query of one collection: group queries need other indexes');
  const ordered = orderBy.map(({ field, direction }) => ({ path: field.fieldPath, direction }));
  const filtered = [...new Set(pathsOf(where))]
    .filter((path) => !ordered.some((other) => other.path === path))
    .map((path) => ({ path, direction: 'ASCENDING' }));
  const all = [...filtered, ...ordered];
  const own = all.filter(({ path }) => path !== '__name__');
  // Every index ends with the name, in the direction of its last field; a name alone is ascending.
  const name = all.find(({ path }) => path === '__name__')?.direction;
  const implied = name === undefined || name === (own.at(-1)?.direction ?? 'ASCENDING');
  const parts = (implied ? own : all).map(({ path, direction }) => `${path} ${direction}`);
  return {
    fields: own.map(({ path }) => `${collectionId}.${path}`),
    composite: implied && own.length < 2 ? undefined : `${collectionId}: ${parts.join(', ')}`,
  };
}

function pathsOf({ compositeFilter, fieldFilter, unaryFilter }: Filter = {}): string[] {
  if (compositeFilter !== undefined) return compositeFilter.filters.flatMap(pathsOf);
  const path = (fieldFilter ?? unaryFilter)?.field.fieldPath;
  return path === undefined ? [] : [path];
}

describe('the indexes of Firestore', () => {
  const needs = Object.values(BUILT).flat().map(needOf);

  it('are compared with every query', () => {
    assert.deepEqual(Object.keys(BUILT).sort(), Object.keys(queries).sort());
    const sources = readdirSync(FUNCTIONS, { recursive: true, encoding: 'utf8' });
    const asking = sources.filter(
      (file) =>
        file.endsWith('.ts') &&
        /\.(where|orderBy|collectionGroup)\(/.test(readFileSync(join(FUNCTIONS, file), 'utf8')),
    );
    assert.deepEqual(asking, [join('adapters', 'firestore', 'queries.ts')]);
  });

  it('cover the fields that queries use', () => {
    const used = needs.flatMap(({ fields }) => fields);
    assert.ok(used.includes('tasks.openSince'));
    for (const field of used) assert.ok(!exempted.includes(field), field);
  });

  it('of several fields are declared only if a query needs them', () => {
    const needed = needs.flatMap(({ composite }) => composite ?? []);
    const written = declared.indexes.map(({ collectionGroup, queryScope, fields }) => {
      assert.equal(queryScope, 'COLLECTION');
      const parts = fields.map(({ fieldPath, order }) => `${fieldPath} ${order}`);
      return `${collectionGroup}: ${parts.join(', ')}`;
    });
    assert.deepEqual(written.sort(), [...new Set(needed)].sort());
  });

  it('would be needed for a query of two fields, or of one field with names in the opposite direction', () => {
    const tasks = db.collection('tasks');
    const name = sdk.FieldPath.documentId();
    const composites = [
      tasks.where('a', '==', 1),
      tasks.where('a', '>', 1).orderBy('a', 'desc').orderBy(name, 'desc'),
      tasks.where('a', '==', null).where('b', '>', 1).orderBy('b', 'desc'),
      tasks.orderBy('a').orderBy(name, 'desc'),
    ].map((query) => needOf(query).composite);
    const others = ['tasks: a ASCENDING, b DESCENDING', 'tasks: a ASCENDING, __name__ DESCENDING'];
    assert.deepEqual(composites, [undefined, undefined, ...others]);
  });

  it('exclude fields that are large or only grow', () => {
    for (const field of NOT_TO_BE_INDEXED) assert.ok(exempted.includes(field), field);
  });

  it('are declared once per field, of existing collections', () => {
    const names = declared.fieldOverrides.map(nameOf);
    assert.deepEqual(names, [...new Set(names)]);
    for (const { collectionGroup } of [...declared.indexes, ...declared.fieldOverrides])
      assert.ok(new Set<string>(COLLECTIONS).has(collectionGroup), collectionGroup);
  });

  for (const collection of COLLECTIONS) {
    it(`exclude the expiry time of ${collection}, which is declared`, () => {
      const ttl = declared.fieldOverrides.filter((own) => own.ttl && own.collectionGroup === collection);
      assert.deepEqual(ttl, [{ collectionGroup: collection, fieldPath: 'expireAt', ttl: true, indexes: [] }]);
    });
  }
});
