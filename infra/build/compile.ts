import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');
/** The page is compiled apart, as it runs in browsers and knows nothing of Node. */
const PAGE = 'tsconfig.page.json';
const { resolve: resolvePackage } = createRequire(import.meta.url);

/**
 * Compiles a project of this folder, and the page, to dist/. Returns the exit code; the compiler tells what is wrong.
 * @param options of the compiler
 */
export function compile(project: string, options: readonly string[] = []): number {
  const tsc = join(dirname(resolvePackage('typescript/package.json')), 'bin', 'tsc');
  for (const file of [project, PAGE]) {
    const args = [tsc, '--project', join(import.meta.dirname, file), ...options];
    const status = spawnSync(process.execPath, args, { stdio: 'inherit', cwd: ROOT }).status ?? 1;
    if (status !== 0) return status;
  }
  return 0;
}
