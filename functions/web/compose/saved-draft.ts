/** Keeps the draft in this browser, so that it is there when the page is loaded again, and the last one that was sent. */
import { inBrowser } from '../ui/kept.ts';
import { createStore } from '../ui/store.ts';
import { type Draft, draft, emptyDraft } from './draft.ts';
import { notes } from './intake.ts';
import { isWorthKeeping, pack, unpack } from './pack.ts';

const KEPT = 'every-cut.draft';
const LAST = 'every-cut.last';
const PAUSE_MS = 500;

/** What was brought back when the page was loaded; null: nothing, or the person knows. */
export const broughtBack = createStore<{ lost: readonly string[] } | null>(null);
/** Whether there is a last one to start from. */
export const hasLast = createStore(inBrowser.get(LAST) !== null);

/** With its files, while the page stays. */
let last: Draft | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;
let isFollowing = false;
/** What this tab has brought back or written: another tab may have written something newer. */
let kept: Draft | undefined;

/** Brings back what was kept, and keeps each change from now on. */
export function followAndKeep(): void {
  if (isFollowing) return;
  isFollowing = true;
  const found = unpack(inBrowser.get(KEPT) ?? '', Date.now());
  if (found !== undefined && !isWorthKeeping(draft.get())) {
    draft.set(found.draft);
    broughtBack.set({ lost: found.lost });
  }
  kept = draft.get();
  draft.follow(() => {
    clearTimeout(timer);
    timer = setTimeout(keep, PAUSE_MS);
  });
  addEventListener('pagehide', keep);
  addEventListener('storage', tellOfOther);
}

export function startOver(): void {
  draft.set(emptyDraft());
  broughtBack.set(null);
}

/** Of a draft that was sent. */
export function keepLast(sent: Draft): void {
  last = sent;
  inBrowser.set(LAST, pack(sent));
  broughtBack.set(null);
  hasLast.set(true);
}

export function startFromLast(): void {
  const found =
    last === undefined ? unpack(inBrowser.get(LAST) ?? '', Date.now()) : { draft: last, lost: [] };
  if (found === undefined) {
    hasLast.set(false);
    return;
  }
  const { id, seed, begun } = emptyDraft();
  draft.set({ ...found.draft, id, seed, begun });
  broughtBack.set(found.lost.length > 0 ? { lost: found.lost } : null);
}

/** Once: both tabs may go on in turn. */
function tellOfOther({ key, newValue }: StorageEvent): void {
  if (key !== KEPT || newValue === null || !isWorthKeeping(draft.get())) return;
  removeEventListener('storage', tellOfOther);
  const texts = [
    'Another tab of this browser has another draft. Both stay as long as their tabs are open; the one that is changed last ' +
      'is there when the page is loaded again.',
  ];
  notes.set({ list: '', texts });
}

function keep(): void {
  clearTimeout(timer);
  const now = draft.get();
  if (now === kept) return;
  kept = now;
  inBrowser.set(KEPT, isWorthKeeping(now) ? pack(now) : null);
}
