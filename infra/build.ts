/**
 * npm run gcp-build: what Cloud Build runs before it packs the functions. Compiles functions/ to dist/functions/ and
 * copies what the compiler leaves: everything that is no TypeScript.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '..');
const DIST = join(ROOT, 'dist');

rmSync(DIST, { recursive: true, force: true });
const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));
const { status } = spawnSync(
  process.execPath,
  [join(typescript, 'bin', 'tsc'), '--project', join(import.meta.dirname, 'tsconfig.build.json')],
  { stdio: 'inherit', cwd: ROOT },
);
if (status === 0) {
  cpSync(join(ROOT, 'functions'), join(DIST, 'functions'), {
    recursive: true,
    filter: (file) => !file.endsWith('.ts'),
  });
}
process.exitCode = status ?? 1;
