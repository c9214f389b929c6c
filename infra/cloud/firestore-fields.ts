/**
 * Applies firestore.indexes.json: which fields are exempt from indexing, and which field sets when documents expire.
 * Called by infra/cloud/setup.sh. Calls the API directly, because gcloud takes a second for each field.
 * https://cloud.google.com/firestore/docs/reference/rest/v1/projects.databases.collectionGroups.fields
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { googleApi } from './google-api.ts';

interface Declared {
  collectionGroup: string;
  fieldPath: string;
  ttl?: boolean;
}

interface Field {
  name: string;
  indexConfig?: { indexes?: unknown[]; usesAncestorConfig?: boolean };
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

const { fieldOverrides } = JSON.parse(
  readFileSync(join(import.meta.dirname, 'firestore.indexes.json'), 'utf8'),
) as { fieldOverrides: Declared[] };
const there = new Map((await overrides()).map((field) => [field.name, field]));
let changed = 0;
for (const { collectionGroup, fieldPath, ttl = false } of fieldOverrides) {
  const name = `${database}/collectionGroups/${collectionGroup}/fields/${fieldPath}`;
  const field = there.get(name);
  const isExempt = field?.indexConfig?.usesAncestorConfig !== true && field?.indexConfig !== undefined;
  const isIndexed = !isExempt || (field.indexConfig?.indexes ?? []).length > 0;
  const change = {
    ...(isIndexed ? { indexConfig: { indexes: [] } } : {}),
    ...(ttl && field?.ttlConfig === undefined ? { ttlConfig: {} } : {}),
  };
  if (Object.keys(change).length > 0) await patch(name, change);
}
if (changed > 0) console.log(`Firestore: ${changed} field changes started; they finish in the background`);

/** Fields whose settings differ from the defaults of their collection. */
async function overrides(): Promise<Field[]> {
  const filter = encodeURIComponent('indexConfig.usesAncestorConfig:false OR ttlConfig:*');
  const found: Field[] = [];
  let pageToken: string | undefined;
  do {
    const page = (await ask(
      'GET',
      `${database}/collectionGroups/__default__/fields?filter=${filter}&pageSize=300${pageToken ? `&pageToken=${pageToken}` : ''}`,
    )) as { fields?: Field[]; nextPageToken?: string };
    found.push(...(page.fields ?? []));
    pageToken = page.nextPageToken;
  } while (pageToken);
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
