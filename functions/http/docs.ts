/** The pages for people who integrate: the description as JSON, and Swagger UI, which shows it and sends requests. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { findPackageJSON } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { RequestError } from '../base/errors.ts';
import { isNamed } from './etag.ts';
import type { Call } from './route.ts';

interface File {
  bytes: Buffer<ArrayBuffer>;
  gzipped: Buffer<ArrayBuffer>;
  type: string;
  /** Strong: a hash of the bytes. */
  hash: string;
}

const OWN = join(import.meta.dirname, 'docs');
const SWAGGER = 'swagger-ui-dist';
const TYPES = { js: 'text/javascript', css: 'text/css', png: 'image/png' } as const;

/** What the page loads. infra/build/build.ts removes all other files of swagger-ui-dist from the image. */
export const ASSETS = [
  'start.js',
  'docs.css',
  'swagger-ui-bundle.js',
  'swagger-ui.css',
  'favicon-32x32.png',
] as const;

/** Only what this service serves runs or is fetched, and nothing within the page itself. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  // Swagger UI draws its arrows as images within its style sheet.
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Not with a weight of 0, which refuses it: RFC 9110, section 12.4.2. */
const ACCEPTS_GZIP = /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/;

/** Each file is read and compressed once. */
const files = new Map<string, Promise<File>>();

/** GET /openapi.json */
export async function description({ request }: Call, document: object): Promise<Response> {
  const bytes = Buffer.from(JSON.stringify(document));
  return answer(request, await fileOf(bytes, 'application/json'));
}

/** GET /docs. Links are relative, so that they are right behind every proxy, with a slash at the end or without. */
export async function page({ request, url }: Call): Promise<Response> {
  const folder = url.pathname.endsWith('/') ? '' : 'docs/';
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Every Cut: HTTP API</title>
<link rel="stylesheet" href="${folder}swagger-ui.css">
<link rel="stylesheet" href="${folder}docs.css">
<link rel="icon" type="image/png" href="${folder}favicon-32x32.png">
</head>
<body>
<div id="docs"></div>
<script src="${folder}swagger-ui-bundle.js"></script>
<script src="${folder}start.js"></script>
</body>
</html>
`;
  return answer(request, await fileOf(Buffer.from(html), 'text/html; charset=utf-8'));
}

/** GET /docs/{file}. Throws RequestError not_found. */
export async function asset({ request, path }: Call): Promise<Response> {
  const name = ASSETS.find((known) => known === path['file']);
  if (name === undefined) {
    throw new RequestError(
      'not_found',
      `Expected one of ${ASSETS.join(', ')}, got another file. Open /docs.`,
    );
  }
  const file = files.get(name) ?? read(name);
  files.set(name, file);
  // What failed once is read again.
  file.catch(() => files.delete(name));
  return answer(request, await file);
}

async function read(name: (typeof ASSETS)[number]): Promise<File> {
  const type = TYPES[name.split('.').at(-1) as keyof typeof TYPES];
  const isOwn = name === 'start.js' || name === 'docs.css';
  const folder = isOwn ? OWN : dirname(findPackageJSON(SWAGGER, import.meta.url) as string);
  const charset = type === 'image/png' ? '' : '; charset=utf-8';
  return fileOf(await readFile(join(folder, name)), `${type}${charset}`);
}

async function fileOf(bytes: Buffer<ArrayBuffer>, type: string): Promise<File> {
  const hash = createHash('sha256').update(bytes).digest('base64url').slice(0, 22);
  return { bytes, gzipped: await promisify(gzip)(bytes), type, hash };
}

/** Browsers ask each time whether their copy is still the one: a new version never meets files of an old one. */
function answer({ headers: asked }: Request, { bytes, gzipped, type, hash }: File): Response {
  const isGzipped = ACCEPTS_GZIP.test(asked.get('accept-encoding') ?? '');
  const etag = `"${hash}${isGzipped ? '-gzip' : ''}"`;
  const headers = {
    etag,
    vary: 'Accept-Encoding',
    'cache-control': 'no-cache',
    'content-security-policy': POLICY,
  };
  if (isNamed(etag, asked.get('if-none-match'))) return new Response(null, { status: 304, headers });
  return new Response(isGzipped ? gzipped : bytes, {
    headers: { ...headers, 'content-type': type, ...(isGzipped ? { 'content-encoding': 'gzip' } : {}) },
  });
}
