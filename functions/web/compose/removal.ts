/** Taking out clips and blocks, and putting back what was taken out last. */
import { createStore } from '../ui/store.ts';
import { clipsOf, placeOfClip, removeClip, withClips } from './arrange-clips.ts';
import { draft, edit } from './draft.ts';

const OFFERED_MS = 12_000;

/** What was taken out last, for as long as it can be put back. */
export const removed = createStore<{ text: string; putBack: () => void } | null>(null);
let timer: ReturnType<typeof setTimeout> | undefined;

export function takeOutClip(key: string): void {
  const from = placeOfClip(draft.get(), key);
  if (from === undefined) return;
  edit((now) => removeClip(now, key));
  offer(`Removed ${from.clip.name}.`, () =>
    edit((now) => {
      const clips = clipsOf(now, from.list);
      return withClips(now, from.list, clips.toSpliced(Math.min(from.at, clips.length), 0, from.clip));
    }),
  );
}

export function takeOutBlock(key: string): void {
  const { blocks } = draft.get();
  const at = blocks.findIndex((block) => block.key === key);
  const block = blocks[at];
  if (block === undefined) return;
  edit({ blocks: blocks.toSpliced(at, 1) });
  offer(`Removed ${block.name || 'a block'}.`, () =>
    edit((now) => ({ blocks: now.blocks.toSpliced(Math.min(at, now.blocks.length), 0, block) })),
  );
}

export function putBack(): void {
  removed.get()?.putBack();
  forget();
}

export function forget(): void {
  clearTimeout(timer);
  removed.set(null);
}

function offer(text: string, back: () => void): void {
  clearTimeout(timer);
  removed.set({ text, putBack: back });
  timer = setTimeout(() => removed.set(null), OFFERED_MS);
}
