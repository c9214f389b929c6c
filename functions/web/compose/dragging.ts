/** Dragging clips and blocks with a mouse. Everything that it does, buttons do, too. */
import { createStore } from '../ui/store.ts';

export type Dragged = { kind: 'clip' | 'block'; key: string };

/** Undefined from the drop on: browsers tell what is dragged only then. */
export const dragged = createStore<Dragged | null>(null);

/** For `onDragStart`. */
export function startDrag(event: DragEvent, what: Dragged, name: string): void {
  event.stopPropagation();
  const { dataTransfer } = event;
  if (dataTransfer !== null) {
    dataTransfer.effectAllowed = 'move';
    // Firefox starts no drag without something to carry.
    dataTransfer.setData('text/plain', name);
  }
  dragged.set(what);
}

export function endDrag(): void {
  dragged.set(null);
}

/** Before which of the elements the pointer is, by their middles; their number: behind all. */
export function indexAt(elements: Iterable<Element>, point: number, side: 'x' | 'y'): number {
  let at = 0;
  for (const element of elements) {
    const { top, height, left, width } = element.getBoundingClientRect();
    if (point < (side === 'y' ? top + height / 2 : left + width / 2)) return at;
    at += 1;
  }
  return at;
}
