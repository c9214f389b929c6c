/** Counts what becomes of each request for an artifact, once, however often the store is looked into for it. */
import { add } from '../base/telemetry/metrics.ts';
import type { Artifact } from '../ports/artifacts.ts';
import { kindOf } from './artifact-key.ts';

type Counted = Pick<Artifact, 'key' | 'bytes'>;

/** They were there, or another process made them meanwhile. */
export function countFound(artifacts: Iterable<Counted>): void {
  for (const { key } of artifacts) count(key, 'hit');
}

/** This process has made it. */
export function countMade({ key, bytes }: Counted): void {
  count(key, 'miss');
  add('every_cut.artifacts.stored', bytes, { 'every_cut.kind': kindOf(key) });
}

function count(key: string, result: 'hit' | 'miss'): void {
  add('every_cut.artifacts.requested', 1, {
    'every_cut.kind': kindOf(key),
    'every_cut.artifact.result': result,
  });
}
