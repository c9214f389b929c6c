import type { Source } from './plan.ts';

const KINDS = { clip: 'Clip', track: 'Track', image: 'Image' } as const;

/** What messages call a source: `Clip "hook-a"`, `Line for Sarah`. */
export function sourceTitle(source: Source): string {
  return source.kind === 'line' ? `Line for ${source.voice}` : `${KINDS[source.kind]} "${source.name}"`;
}
