/**
 * Runs as npm's prepack script: compiles what `npx every-cut` loads to dist/, with all files beside it that are not
 * TypeScript, because Node runs no TypeScript in installed packages.
 */
import { cpSync, existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { compile } from './compile.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const DIST = join(ROOT, 'dist');

rmSync(DIST, { recursive: true, force: true });
// `npm run check` looks at the types. It takes three times as long as the rest.
const status = compile('tsconfig.package.json', ['--noCheck']);
if (status === 0) copyAssets();
process.exitCode = status;

/** Only beside code that is loaded. */
function copyAssets(): void {
  const functions = join(ROOT, 'functions');
  for (const name of readdirSync(functions, { recursive: true, encoding: 'utf8' })) {
    const file = join(functions, name);
    if (/\.(ts|md)$|tsconfig\.json$/.test(name) || !statSync(file).isFile()) continue;
    // Fonts lie in a folder below the code that loads them.
    if (existsSync(dirname(dirname(join(DIST, 'functions', name)))))
      cpSync(file, join(DIST, 'functions', name));
  }
}
