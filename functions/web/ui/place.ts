/** Which view is shown, as the part of the address behind #: it is the same behind every proxy, and can be a bookmark. */
import { createStore } from './store.ts';

export type Place =
  | { view: 'compose' }
  | { view: 'tasks' }
  | { view: 'task'; taskId: string }
  | { view: 'settings' };

export const place = createStore<Place>(placeOf(location.hash));

addEventListener('hashchange', () => place.set(placeOf(location.hash)));

export function placeOf(hash: string): Place {
  const [view = '', id] = hash.replace(/^#\/?/, '').split('/');
  if (view === 'tasks') return id ? { view: 'task', taskId: decoded(id) } : { view: 'tasks' };
  return view === 'settings' ? { view } : { view: 'compose' };
}

export function addressOf(place: Place): string {
  switch (place.view) {
    case 'compose':
      return '#/';
    case 'task':
      return `#/tasks/${encodeURIComponent(place.taskId)}`;
    default:
      return `#/${place.view}`;
  }
}

export function goTo(next: Place): void {
  location.hash = addressOf(next);
}

/** People change addresses by hand, and mail programs cut them off. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
