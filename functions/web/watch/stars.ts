/** Videos that the person likes best, by task. Kept in this browser. */
import { inBrowser } from '../ui/kept.ts';
import { createStore, type Store } from '../ui/store.ts';

const PREFIX = 'every-cut.stars.';
const NONE: ReadonlySet<number> = new Set();

const stores = new Map<string, Store<ReadonlySet<number>>>();

/** The starred videos of a task, by their indexes. */
export function starsOf(taskId: string): ReadonlySet<number> {
  return starStore(taskId).get();
}

/** The same, to be followed. */
export function starStore(taskId: string): Store<ReadonlySet<number>> {
  const known = stores.get(taskId);
  if (known !== undefined) return known;
  const store = createStore(readStars(inBrowser.get(PREFIX + taskId)));
  stores.set(taskId, store);
  return store;
}

/** Stars a video, or takes its star away. */
export function toggleStar(taskId: string, index: number): void {
  const store = starStore(taskId);
  const stars = new Set(store.get());
  if (!stars.delete(index)) stars.add(index);
  store.set(stars);
  keep(PREFIX + taskId, stars);
}

/** For a task that is deleted. */
export function forgetStars(taskId: string): void {
  starStore(taskId).set(NONE);
  keep(PREFIX + taskId, NONE);
}

function keep(name: string, stars: ReadonlySet<number>): void {
  inBrowser.set(name, stars.size === 0 ? null : JSON.stringify([...stars].sort((a, b) => a - b)));
}

function readStars(text: string | null): ReadonlySet<number> {
  try {
    const value: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(value) ? new Set(value.filter((index) => Number.isInteger(index))) : NONE;
  } catch {
    return NONE;
  }
}

// Other tabs star as well.
addEventListener('storage', ({ key, newValue }) => {
  if (key?.startsWith(PREFIX)) stores.get(key.slice(PREFIX.length))?.set(readStars(newValue));
});
