/**
 * Applies firestore.indexes.json: which fields are exempt from indexing, and which field sets when documents expire.
 * Called by infra/cloud/setup.sh. Calls the API directly, because gcloud takes a second for each field.
 * https://cloud.google.com/firestore/docs/reference/rest/v1/projects.databases.collectionGroups.fields
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pRetry, { AbortError } from 'p-retry';

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

const RETRIES = 6;
const ANSWER_LIMIT_MS = 30_000;

const [project = ''] = process.argv.slice(2);
const { ACCESS_TOKEN = '', CLOUDSDK_API_ENDPOINT_OVERRIDES_FIRESTORE } = process.env;
const api = CLOUDSDK_API_ENDPOINT_OVERRIDES_FIRESTORE ?? 'https://firestore.googleapis.com/';
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
  if (!isExempt || (field.indexConfig?.indexes ?? []).length > 0) {
    await patch(name, 'indexConfig', { indexes: [] });
  }
  if (ttl && field?.ttlConfig === undefined) await patch(name, 'ttlConfig', {});
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

/** Resolves when the change is accepted; Firestore then applies it in the background, which takes minutes. */
async function patch(name: string, mask: 'indexConfig' | 'ttlConfig', value: object): Promise<void> {
  await ask('PATCH', `${name}?updateMask=${mask}`, { name, [mask]: value });
  changed++;
}

/** Retries conflicts, rate limits and server errors, because Firestore rejects many changes at once for a while. */
async function ask(method: 'GET' | 'PATCH', path: string, body?: object): Promise<unknown> {
  return pRetry(
    async () => {
      const response = await fetch(`${api}v1/${path}`, {
        method,
        headers: {
          authorization: `Bearer ${ACCESS_TOKEN}`,
          'x-goog-user-project': project,
          'content-type': 'application/json',
        },
        signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      if (response.ok) return response.json();
      const text = (await response.text()).slice(0, 500);
      const error = new Error(
        `Expected Firestore to accept ${method} ${path.split('?')[0]}, got ${response.status}: ${text}`,
      );
      if (![409, 429].includes(response.status) && response.status < 500) throw new AbortError(error);
      throw error;
    },
    { retries: RETRIES, minTimeout: 1_000, randomize: true },
  );
}
