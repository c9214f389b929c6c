/** A clip has equally many frames in all formats of a task. */
import { PermanentError } from '../base/errors.ts';
import type { Artifact } from '../ports/artifacts.ts';
import { disposeOf } from './artifacts.ts';
import type { PreparedMeta } from './source-artifact.ts';

/**
 * What `encoded` makes, with that many frames: a damaged frame is copied, but cannot be decoded, and sound under which the last
 * picture is held may be decoded only once. Then the last picture is held as long as that of the others.
 * @param frames undefined: as many as it has
 */
export async function withFrames(
  frames: number | undefined,
  encoded: (exactly: { exactly?: number }) => Promise<Map<number, Artifact<PreparedMeta>>>,
): Promise<Map<number, Artifact<PreparedMeta>>> {
  const made = await encoded({});
  if (frames === undefined || [...made.values()].every(({ meta }) => meta.frames === frames)) return made;
  disposeOf(made.values());
  return await encoded({ exactly: frames });
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
