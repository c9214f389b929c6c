/** A clip has equally many frames in all formats of a task. */
import { PermanentError } from '../base/errors.ts';
import type { Artifact } from '../ports/artifacts.ts';
import { disposeOf } from './artifacts.ts';
import type { PreparedMeta } from './source-artifact.ts';

/** A damaged frame is copied, but cannot be decoded. Then the picture before it is held, as long as the copied one. */
export async function likeCopied(
  copied: ReadonlyMap<number, Artifact<PreparedMeta>>,
  encoded: (exactly: { exactly?: number }) => Promise<Map<number, Artifact<PreparedMeta>>>,
): Promise<Map<number, Artifact<PreparedMeta>>> {
  const made = await encoded({});
  const [exactly] = [...copied.values()].map(({ meta }) => meta.frames);
  if (exactly === undefined || [...made.values()].every(({ meta }) => meta.frames === exactly)) return made;
  disposeOf(made.values());
  return await encoded({ exactly });
}

/** One soundtrack, and one timing of captions, serve all formats of a combination. */
export function refuseUnlike(artifacts: readonly Artifact<PreparedMeta>[]): void {
  const counts = [...new Set(artifacts.map(({ meta }) => meta.frames))];
  if (counts.length < 2) return;
  throw new PermanentError(
    'conform_failed',
    'conform',
    `Expected equally many frames in all formats, got ${counts.join(' and ')}. Set output.reencode to true, or export the ` +
      'clip again as MP4 (H.264, AAC).',
  );
}
