/** The pages for people who integrate: the description as JSON, and Swagger UI, which shows it and sends requests. */
import { readFile } from 'node:fs/promises';
import { findPackageJSON } from 'node:module';
import { dirname, join } from 'node:path';
import { LRUCache } from 'lru-cache';
import { RequestError } from '../base/errors.ts';
import type { Call } from './route.ts';
import { type KeptFiles, kept, type StaticFile, staticAnswer, staticFile } from './static-file.ts';

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
const HEADERS = { 'content-security-policy': POLICY };

/** What is the same for all callers: never more than these few. */
const files: KeptFiles = new LRUCache({ max: 16 });
/** By what they describe: a caller can name the service in many ways, and each makes another description. */
const descriptions: KeptFiles = new LRUCache({ max: 8 });

/**
 * GET /openapi.json
 * @param key of the document: the same key, the same document
 */
export async function description(
  { request }: Call,
  { key, make }: { key: string; make: () => object },
): Promise<Response> {
  const makeFile = () => staticFile(Buffer.from(JSON.stringify(make())), 'application/json');
  return staticAnswer(request, await kept(descriptions, key, makeFile), HEADERS);
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
  const makeFile = () => staticFile(Buffer.from(html), 'text/html; charset=utf-8');
  return staticAnswer(request, await kept(files, `page ${folder}`, makeFile), HEADERS);
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
  return staticAnswer(request, await kept(files, name, () => read(name)), HEADERS);
}

async function read(name: (typeof ASSETS)[number]): Promise<StaticFile> {
  const type = TYPES[name.split('.').at(-1) as keyof typeof TYPES];
  const isOwn = name === 'start.js' || name === 'docs.css';
  const folder = isOwn ? OWN : dirname(findPackageJSON(SWAGGER, import.meta.url) as string);
  const charset = type === 'image/png' ? '' : '; charset=utf-8';
  return staticFile(await readFile(join(folder, name)), `${type}${charset}`);
}
