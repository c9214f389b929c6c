/** Whether a draft can be sent, and what it still needs. Pure. */
import type { Clip, Draft } from './draft.ts';

export type Readiness =
  | { state: 'ready' }
  /** Goes on by itself. */
  | { state: 'sending'; files: number; sentBytes: number; bytes: number }
  /** The person has to do something first: it says what. */
  | { state: 'lacking'; reason: string };

export function readinessOf(draft: Draft): Readiness {
  const clips = draft.blocks.flatMap((block) => block.clips);
  if (clips.length === 0) return { state: 'lacking', reason: 'Add a clip to begin.' };
  const uploads = [...clips, ...draft.tracks].flatMap((clip) => uploadOf(clip) ?? []);
  const failed = uploads.filter(({ upload }) => upload.state === 'failed');
  if (failed.length > 0) {
    const [first] = failed as [(typeof failed)[0]];
    const which = failed.length === 1 ? `“${first.name}” was` : `${failed.length} files were`;
    return { state: 'lacking', reason: `${which} not sent. Send again, or remove.` };
  }
  const open = uploads.filter(({ upload }) => upload.state !== 'done');
  if (open.length === 0) return { state: 'ready' };
  return {
    state: 'sending',
    files: open.length,
    bytes: total(open.map(({ bytes }) => bytes)),
    sentBytes: total(open.map(({ upload }) => (upload.state === 'sending' ? upload.sentBytes : 0))),
  };
}

/** Names of blocks that have no clip, and are left out of the videos, while others have some. */
export function emptyBlocks({ blocks }: Pick<Draft, 'blocks'>): string[] {
  if (blocks.every(({ clips }) => clips.length === 0)) return [];
  return blocks.filter(({ clips }) => clips.length === 0).map(({ name }) => name.trim() || 'A block');
}

function uploadOf({ name, source }: Clip) {
  return source.kind === 'file' ? { name, bytes: source.bytes, upload: source.upload } : undefined;
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
