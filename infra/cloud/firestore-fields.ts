/**
 * Applies firestore.indexes.json: the indexes of fields, of which most have none; those of several fields; and which field
 * sets when documents expire. Called by infra/cloud/setup.sh. Calls the API directly, because gcloud takes a second for
 * each field.
 * https://cloud.google.com/firestore/docs/reference/rest/v1/projects.databases.collectionGroups.fields
 * https://cloud.google.com/firestore/docs/reference/rest/v1/projects.databases.collectionGroups.indexes
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { googleApi } from './google-api.ts';

/** As the API has it. It adds the name of the document as the last field. */
interface Index {
  name?: string;
  queryScope: string;
  fields: { fieldPath: string; order?: string }[];
}

/** The format of the Firebase CLI: https://firebase.google.com/docs/reference/firestore/indexes */
interface Declared {
  indexes: (Index & { collectionGroup: string })[];
  fieldOverrides: {
    collectionGroup: string;
    fieldPath: string;
    ttl?: boolean;
    indexes: { order: string; queryScope: string }[];
  }[];
}

interface Field {
  name: string;
  indexConfig?: { indexes?: Index[]; usesAncestorConfig?: boolean };
  ttlConfig?: { state?: string };
}

const [project = ''] = process.argv.slice(2);
const { ACCESS_TOKEN = '', CLOUDSDK_API_ENDPOINT_OVERRIDES_FIRESTORE } = process.env;
const ask = googleApi({
  name: 'Firestore',
  url: `${CLOUDSDK_API_ENDPOINT_OVERRIDES_FIRESTORE ?? 'https://firestore.googleapis.com/'}v1/`,
  project,
  token: ACCESS_TOKEN,
});
const database = `projects/${project}/databases/(default)`;

const { indexes, fieldOverrides } = JSON.parse(
  readFileSync(join(import.meta.dirname, 'firestore.indexes.json'), 'utf8'),
) as Declared;
const fields = new Map((await overrides()).map((field) => [field.name, field]));
let changed = 0;
for (const { collectionGroup, fieldPath, ttl = false, indexes: declared } of fieldOverrides) {
  const name = `${database}/collectionGroups/${collectionGroup}/fields/${fieldPath}`;
  const field = fields.get(name);
  const wanted = declared.map(({ order, queryScope }) => ({ queryScope, fields: [{ fieldPath, order }] }));
  const change = {
    ...(isIndexedBy(field, wanted) ? {} : { indexConfig: { indexes: wanted } }),
    ...(ttl && field?.ttlConfig === undefined ? { ttlConfig: {} } : {}),
  };
  if (Object.keys(change).length > 0) await patch(name, change);
}
const there = new Set((await composites()).map(({ name = '', ...index }) => textOf(groupOf(name), index)));
for (const { collectionGroup, ...index } of indexes) {
  if (there.has(textOf(collectionGroup, index))) continue;
  await ask('POST', `${database}/collectionGroups/${collectionGroup}/indexes`, index);
  changed++;
}
if (changed > 0)
  console.log(
    `Firestore: ${changed} changes of indexes started; they finish in the background, within minutes. ` +
      'Until then, lists of tasks with a filter answer 503.',
  );

function isIndexedBy(field: Field | undefined, wanted: readonly Index[]): boolean {
  const own = field?.indexConfig;
  if (own === undefined || own.usesAncestorConfig === true) return false;
  const [found, expected] = [own.indexes ?? [], wanted].map((all) =>
    all.map((index) => textOf('', index)).sort(),
  );
  return String(found) === String(expected);
}

function textOf(group: string, { queryScope, fields }: Index): string {
  const named = fields.filter(({ fieldPath }) => fieldPath !== '__name__');
  return [group, queryScope, ...named.map(({ fieldPath, order }) => `${fieldPath} ${order}`)].join(' ');
}

function groupOf(name: string): string {
  return /\/collectionGroups\/([^/]+)\//.exec(name)?.[1] ?? '';
}

function composites(): Promise<Index[]> {
  return pages<Index>('indexes', `${database}/collectionGroups/-/indexes?pageSize=300`);
}

/** Fields whose settings differ from the defaults of their collection. */
function overrides(): Promise<Field[]> {
  const filter = encodeURIComponent('indexConfig.usesAncestorConfig:false OR ttlConfig:*');
  return pages<Field>(
    'fields',
    `${database}/collectionGroups/__default__/fields?filter=${filter}&pageSize=300`,
  );
}

async function pages<T>(list: string, path: string): Promise<T[]> {
  const found: T[] = [];
  let token = '';
  do {
    const page = (await ask('GET', token === '' ? path : `${path}&pageToken=${token}`)) as Record<
      string,
      unknown
    >;
    found.push(...((page[list] ?? []) as T[]));
    token = String(page['nextPageToken'] ?? '');
  } while (token !== '');
  return found;
}

/**
 * In one request, because Firestore refuses a change of a field while another one is under way. Resolves when the change is
 * accepted; Firestore then applies it in the background, which takes minutes.
 */
async function patch(name: string, change: Pick<Field, 'indexConfig' | 'ttlConfig'>): Promise<void> {
  await ask('PATCH', `${name}?updateMask=${Object.keys(change).join(',')}`, { name, ...change });
  changed++;
}
