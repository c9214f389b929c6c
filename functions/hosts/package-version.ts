import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';

/** The version of this service, from its package.json, wherever the compiled files are. */
export function packageVersion(): string {
  const file = findPackageJSON(import.meta.url);
  if (file === undefined)
    throw new Error('Expected the package.json of the service above its files, got none');
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
