import { mapClips } from './arrange-clips.ts';
import { type Clip, draft, edit } from './draft.ts';

/** Changes any clips and tracks of the draft at once. Without a change, nobody hears of it. */
export function changeClips(change: (clip: Clip) => Clip): void {
  const now = draft.get();
  const next = mapClips(now, change);
  if (next.blocks !== now.blocks || next.tracks !== now.tracks) edit(next);
}
