/**
 * Gives a bucket its lifecycle rules, and lets pages of the given addresses send files to it from a browser. Called by
 * infra/cloud/setup.sh. Rules of somebody else stay, for other lifetimes or other pages; only what is missing is added.
 * https://cloud.google.com/storage/docs/json_api/v1/buckets
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { googleApi } from './google-api.ts';

interface LifecycleRule {
  action: object;
  condition: { matchesPrefix?: string[] };
}

interface CorsEntry {
  origin?: string[];
  method?: string[];
  responseHeader?: string[];
  maxAgeSeconds?: number;
}

interface Bucket {
  lifecycle?: { rule?: LifecycleRule[] };
  cors?: CorsEntry[];
}

/** Earlier versions made the bucket with the other rules, which may have been changed since. */
const UPLOADS = 'uploads/';
/** What a page sends with a file. */
const METHODS = ['PUT'];
const HEADERS = ['content-type', 'x-goog-content-length-range'];

const [project = '', bucket = '', lifecycleFile = '', pages = ''] = process.argv.slice(2);
const { ACCESS_TOKEN = '', CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE } = process.env;
const ask = googleApi({
  name: 'Cloud Storage',
  url: CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE ?? 'https://storage.googleapis.com/storage/v1/',
  project,
  token: ACCESS_TOKEN,
});

/** As browsers send them. */
const origins = [...new Set(pages.split(',').flatMap((page) => URL.parse(page.trim())?.origin ?? []))];
const { lifecycle, cors = [] } = ((await ask('GET', `b/${bucket}`)) ?? {}) as Bucket;
const rules = lifecycle?.rule ?? [];
const added = missingRules(rules);
const wanted = [...cors.filter((entry) => !isOurs(entry)), ...ourCors()];
const change: Bucket = {
  ...(added.length === 0 ? {} : { lifecycle: { rule: [...rules, ...added] } }),
  ...(isDeepStrictEqual(wanted, cors) ? {} : { cors: wanted }),
};
if (Object.keys(change).length > 0) {
  await ask('PATCH', `b/${bucket}`, change);
  if (added.length > 0) console.log(`Bucket ${bucket}: ${added.length} lifecycle rules`);
  if (change.cors !== undefined)
    console.log(`Bucket ${bucket}: browsers may upload from ${origins.join(', ') || 'nowhere'}`);
}

function missingRules(there: readonly LifecycleRule[]): LifecycleRule[] {
  const file = join(import.meta.dirname, lifecycleFile);
  const { rule: declared } = JSON.parse(readFileSync(file, 'utf8')) as { rule: LifecycleRule[] };
  if (there.length === 0) return declared;
  return there.some(isForUploads) ? [] : declared.filter(isForUploads);
}

function isForUploads({ condition }: LifecycleRule): boolean {
  return condition.matchesPrefix?.includes(UPLOADS) === true;
}

function isOurs({ method, responseHeader }: CorsEntry): boolean {
  return isDeepStrictEqual([method, responseHeader], [METHODS, HEADERS]);
}

function ourCors(): CorsEntry[] {
  return origins.length === 0
    ? []
    : [{ origin: origins, method: METHODS, responseHeader: HEADERS, maxAgeSeconds: 3_600 }];
}
