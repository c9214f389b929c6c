/**
 * The files of the page for people (functions/web) as browsers load them: its modules with all that they import, each without
 * types, style sheets, fonts, and the two libraries. There is no build: a module is the file of this repository.
 */
import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire, findPackageJSON } from 'node:module';
import { basename, dirname, extname, join, relative, resolve, sep } from 'node:path';
import { LRUCache } from 'lru-cache';
import { contentHash } from './etag.ts';
import { type KeptFiles, kept, type StaticFile, staticFile } from './static-file.ts';

export interface WebFiles {
  /** Of all that the page is made of: another one where anything changed. */
  build: string;
  /** Paths of modules and style sheets below the address of the build, in the order in which they are needed. */
  modules: readonly string[];
  styles: readonly string[];
  /** Undefined if the page has no such file. */
  read(path: string): Promise<StaticFile> | undefined;
}

const FUNCTIONS = resolve(import.meta.dirname, '..');
/** `.ts` in the source tree, `.js` once compiled. */
const CODE = extname(import.meta.filename);
const MAIN = `web/main${CODE}`;
const STYLES = 'web/styles';
const FONTS = 'media/captions/fonts';
const TYPES: Readonly<Record<string, string>> = {
  '.ts': 'text/javascript; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.ttf': 'font/ttf',
};
/** Files of packages, by what modules call them. */
export const LIBRARIES = {
  preact: { path: 'libraries/preact.mjs', file: ['preact', 'dist/preact.mjs'] },
  'preact/hooks': { path: 'libraries/hooks.mjs', file: ['preact', 'hooks/dist/hooks.mjs'] },
  htm: { path: 'libraries/htm.mjs', file: ['htm', 'dist/htm.mjs'] },
} as const;
const IMPORTED = /(?:^|[;\s])(?:import|export)\b[^'";]*?['"](\.[^'"]+)['"]/g;

/** It has no types of its own. */
declare const amaro: { transformSync(code: string, options: { mode: 'strip-only' }): { code: string } };

const compressed: KeptFiles = new LRUCache({ max: 200 });
let files: Promise<WebFiles> | undefined;

/** Read once per process. */
export function webFiles(): Promise<WebFiles> {
  files ??= readAll();
  files.catch(() => {
    files = undefined;
  });
  return files;
}

async function readAll(): Promise<WebFiles> {
  const texts = new Map<string, string>();
  await readModule(MAIN, texts);
  const modules = [...texts.keys()];
  const styles = globSync(`${STYLES}/*.css`, { cwd: FUNCTIONS }).map(slashed).sort();
  for (const path of styles) texts.set(path, await readFile(join(FUNCTIONS, path), 'utf8'));
  for (const { path, file } of Object.values(LIBRARIES)) texts.set(path, await readLibrary(file));
  const images = globSync('web/*.svg', { cwd: FUNCTIONS }).map(slashed);
  for (const path of images) texts.set(path, await readFile(join(FUNCTIONS, path), 'utf8'));
  const fonts = new Map(
    globSync(`${FONTS}/*.ttf`, { cwd: FUNCTIONS }).map((file) => [`fonts/${basename(file)}`, file]),
  );
  const hashes = [];
  // One after the other: together they have 12 MB.
  for (const [path, file] of fonts) hashes.push([path, contentHash(await readFile(join(FUNCTIONS, file)))]);
  return {
    build: contentHash(JSON.stringify([...texts, ...hashes.sort()])),
    modules,
    styles,
    read(path) {
      const text = texts.get(path);
      const font = fonts.get(path);
      if (text === undefined && font === undefined) return undefined;
      return kept(compressed, path, async () => {
        const bytes =
          font === undefined ? Buffer.from(text as string) : await readFile(join(FUNCTIONS, font));
        return staticFile(bytes as Buffer<ArrayBuffer>, TYPES[extname(path)] as string);
      });
    },
  };
}

/** Adds a module and all that it imports, what is imported first. */
async function readModule(path: string, texts: Map<string, string>): Promise<void> {
  if (texts.has(path)) return;
  // So that it is not read again while it waits for what it imports.
  texts.set(path, '');
  const text = withoutTypes(await readFile(join(FUNCTIONS, path), 'utf8'));
  for (const [, specifier = ''] of text.matchAll(IMPORTED)) {
    await readModule(slashed(relative(FUNCTIONS, resolve(FUNCTIONS, dirname(path), specifier))), texts);
  }
  texts.delete(path);
  texts.set(path, text);
}

/** As Node itself runs the service: types become blanks, so that lines and columns stay. */
function withoutTypes(text: string): string {
  if (CODE !== '.ts') return text;
  const { transformSync } = createRequire(import.meta.url)('amaro') as typeof amaro;
  return transformSync(text, { mode: 'strip-only' }).code;
}

async function readLibrary([name, file]: readonly [string, string]): Promise<string> {
  const folder = dirname(findPackageJSON(name, import.meta.url) as string);
  const text = await readFile(join(folder, file), 'utf8');
  // Their source maps are not served, and browsers would ask for them.
  return text.replace(/^\/\/# sourceMappingURL=.*$/m, '');
}

function slashed(path: string): string {
  return path.split(sep).join('/');
}
