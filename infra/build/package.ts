/**
 * Runs as npm's prepack script: compiles what `npx every-cut` loads to dist/, with all files beside it that are not
 * TypeScript, because Node runs no TypeScript in installed packages.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');
const DIST = join(ROOT, 'dist');
const { resolve: resolvePackage } = createRequire(import.meta.url);

rmSync(DIST, { recursive: true, force: true });
const typescript = dirname(resolvePackage('typescript/package.json'));
const project = join(import.meta.dirname, 'tsconfig.package.json');
const { status } = spawnSync(process.execPath, [join(typescript, 'bin', 'tsc'), '--project', project], {
  stdio: 'inherit',
  cwd: ROOT,
});
if (status === 0) copyAssets();
process.exitCode = status ?? 1;

/** Only beside code that is loaded. */
function copyAssets(): void {
  const functions = join(ROOT, 'functions');
  for (const name of readdirSync(functions, { recursive: true, encoding: 'utf8' })) {
    const file = join(functions, name);
    if (/\.(ts|md)$/.test(name) || !statSync(file).isFile()) continue;
    // Fonts lie in a folder below the code that loads them.
    if (existsSync(dirname(dirname(join(DIST, 'functions', name)))))
      cpSync(file, join(DIST, 'functions', name));
  }
}
