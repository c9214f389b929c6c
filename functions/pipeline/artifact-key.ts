import { createHash } from 'node:crypto';

export type ArtifactKind = 'source' | 'clip' | 'track' | 'image' | 'speech' | 'line' | 'soundtrack' | 'cover';

/** A readable kind and a hash, which depends on the parts and on where one ends and the next begins. */
export function artifactKey(kind: ArtifactKind, parts: readonly string[]): string {
  return `${kind}/${createHash('sha256').update(JSON.stringify(parts)).digest('hex')}`;
}

/** That of the key; undefined if it has none. */
export function kindOf(key: string): string | undefined {
  return /^([a-z]+)\//.exec(key)?.[1];
}
