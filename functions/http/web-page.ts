/** GET /: the page for people, and the files that it loads. */
import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { RequestError } from '../base/errors.ts';
import type { Call } from './route.ts';
import { type KeptFiles, kept, staticAnswer, staticFile } from './static-file.ts';
import { LIBRARIES, type WebFiles, webFiles } from './web-files.ts';

export interface WebPageDeps {
  /**
   * Origins of the storage where browsers upload to and finished videos are, which answer in place of this service; none on one
   * machine.
   */
  storageOrigins: readonly string[];
}

/** A file never changes at its address, which has the build in it. */
const LASTING = { 'cache-control': 'public, max-age=31536000, immutable' };

const pages: KeptFiles = new LRUCache({ max: 4 });

/** Links are relative, so that they are right behind a proxy that serves this below a path, if its address ends in a slash. */
export async function webPage({ request }: Call, { storageOrigins }: WebPageDeps): Promise<Response> {
  const files = await webFiles();
  const importMap = importMapOf(files);
  const makeFile = () => staticFile(Buffer.from(pageOf(files, importMap)), 'text/html; charset=utf-8');
  return staticAnswer(request, await kept(pages, files.build, makeFile), {
    'content-security-policy': policyOf(importMap, storageOrigins),
  });
}

/** GET /app/{build}/{folder}/{file} */
export async function webFile({ request, path, url }: Call): Promise<Response> {
  const files = await webFiles();
  const [folder, room, file] = [path['folder'], path['room'], path['file']];
  const name = [folder, room, file].filter((part) => part !== undefined).join('/');
  const found = path['build'] === files.build ? files.read(name) : undefined;
  if (found === undefined) {
    throw new RequestError(
      'not_found',
      `Expected a file of the page of this version, got ${JSON.stringify(url.pathname.slice(0, 80))}.`,
      { hint: 'Load the page again.' },
    );
  }
  return staticAnswer(request, await found, LASTING);
}

/** Lets modules call the libraries by their names. https://html.spec.whatwg.org/#import-maps */
function importMapOf({ build }: WebFiles): string {
  const imports = Object.entries(LIBRARIES).map(([name, { path }]) => [name, `./app/${build}/${path}`]);
  return JSON.stringify({ imports: Object.fromEntries(imports) });
}

function pageOf({ build, modules, styles }: WebFiles, importMap: string): string {
  const at = (path: string) => `app/${build}/${path}`;
  const libraries = Object.values(LIBRARIES).map(({ path }) => path);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Every Cut</title>
<link rel="icon" type="image/svg+xml" href="${at('web/icon.svg')}">
${styles.map((path) => `<link rel="stylesheet" href="${at(path)}">`).join('\n')}
<script type="importmap">${importMap}</script>
${[...libraries, ...modules].map((path) => `<link rel="modulepreload" href="${at(path)}">`).join('\n')}
<script type="module" src="${at(modules.at(-1) as string)}"></script>
</head>
<body>
<noscript>This page needs JavaScript. The HTTP interface works without it: see <a href="docs">docs</a>.</noscript>
<div id="app"></div>
</body>
</html>
`;
}

/** Only what this service serves runs. The one script within the page, the import map, is named by its hash. */
function policyOf(importMap: string, storageOrigins: readonly string[]): string {
  const hash = createHash('sha256').update(importMap).digest('base64');
  const own = ["'self'", ...storageOrigins].join(' ');
  return [
    "default-src 'none'",
    `script-src 'self' 'sha256-${hash}'`,
    "style-src 'self'",
    // Pictures taken of the clips that were dropped.
    "img-src 'self' data: blob:",
    // The clips that were dropped, and videos.
    `media-src ${own} blob:`,
    "font-src 'self'",
    `connect-src ${own}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
