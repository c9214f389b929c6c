import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';

/** Version of this service, from package.json, wherever the compiled files are. */
export const VERSION = versionIn(findPackageJSON('..', import.meta.url));

function versionIn(file: string | undefined): string {
  if (file === undefined)
    throw new Error('Expected a package.json above the service, got none. Install it again.');
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
