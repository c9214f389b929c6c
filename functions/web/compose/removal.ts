/** Taking out clips, blocks and lines, and putting back what was taken out last. */
import { createStore } from '../ui/store.ts';
import { clipsOf, placeOfClip, removeClip, withClips } from './arrange-clips.ts';
import { draft, edit } from './draft.ts';

const OFFERED_MS = 12_000;

/** What was taken out last, for as long as it can be put back. */
export const removed = createStore<Removed | null>(null);
let timer: ReturnType<typeof setTimeout> | undefined;

interface Removed {
  text: string;
  putBack: () => void;
  /** Selects what gets the focus once it is back. */
  place: string;
  /** Id of the draft that it was a part of. */
  of: string;
}

// It is no part of the next draft.
draft.follow(({ id }) => {
  const what = removed.get();
  if (what !== null && what.of !== id) forget();
});

export function takeOutClip(key: string): void {
  const from = placeOfClip(draft.get(), key);
  if (from === undefined) return;
  edit((now) => removeClip(now, key));
  offer(`Removed ${from.clip.name}.`, `[data-clip="${key}"] [data-does=remove]`, () =>
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
  offer(`Removed ${block.name || 'a block'}.`, `[data-list="${key}"] .block-name`, () =>
    edit((now) => ({ blocks: now.blocks.toSpliced(Math.min(at, now.blocks.length), 0, block) })),
  );
}

export function takeOutLine(key: string): void {
  const { lines } = draft.get();
  const at = lines.findIndex((line) => line.key === key);
  const line = lines[at];
  if (line === undefined) return;
  edit({ lines: lines.toSpliced(at, 1) });
  if (line.text.trim() === '') return;
  offer(`Removed line ${at + 1}.`, `#text-${key}`, () =>
    edit((now) => ({ lines: now.lines.toSpliced(Math.min(at, now.lines.length), 0, line) })),
  );
}

export function putBack(): void {
  const what = removed.get();
  if (what === null) return;
  forget();
  what.putBack();
  requestAnimationFrame(() => document.querySelector<HTMLElement>(what.place)?.focus());
}

export function forget(): void {
  clearTimeout(timer);
  removed.set(null);
}

function offer(text: string, place: string, back: () => void): void {
  clearTimeout(timer);
  removed.set({ text, place, putBack: back, of: draft.get().id });
  timer = setTimeout(() => removed.set(null), OFFERED_MS);
}
