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

/** Before which card of a list the pointer is; behind the last one: their number. */
export function indexAt(list: Element, x: number, y: number): number {
  let last = -1;
  for (const card of list.querySelectorAll<HTMLElement>('[data-at]')) {
    last = Number(card.dataset['at']);
    const { top, bottom, height, left, width } = card.getBoundingClientRect();
    // Cards may also stand side by side.
    const isBeside = y < bottom && y > top && x > left + width && height > 0;
    if (!isBeside && y < top + height / 2) return last;
  }
  return last + 1;
}
