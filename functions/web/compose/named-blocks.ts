/** The blocks of the draft as names: what rules and file names are made of does not change while files are sent. */
import { useMemo } from 'preact/hooks';
import { useStore } from '../ui/store.ts';
import { type Draft, draft } from './draft.ts';
import { type UsedBlock, usedBlocks } from './request.ts';

/** The same list until a name, a clip or a block changes. */
export function useNamedBlocks(): readonly UsedBlock[] {
  const names = useStore(draft, namesIn);
  return useMemo(() => usedBlocks(draft.get()), [names]);
}

function namesIn({ blocks }: Draft): string {
  return JSON.stringify(
    blocks.map(({ key, name, clips }) => [key, name, clips.map((clip) => [clip.key, clip.name])]),
  );
}
