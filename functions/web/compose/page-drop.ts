/** Files that are dropped or pasted anywhere on the page, beside all lists. */
import { goTo, place } from '../ui/place.ts';
import { createStore } from '../ui/store.ts';
import { hasFiles, readDrop } from './drop-reading.ts';
import { addDropped, addLinks, emptyBlock, notes } from './intake.ts';
import { looksLikeLinks } from './links.ts';

/** Whether files are dragged over the page. */
export const filesOverPage = createStore(false);

/** Whichever view is shown: what is dropped on another one leads to the clips. */
export function listenToPage(): void {
  addEventListener('dragover', (event) => {
    if (!hasFiles(event)) return;
    // Or the browser would leave the page to show the file.
    event.preventDefault();
    filesOverPage.set(true);
  });
  addEventListener('dragleave', ({ relatedTarget }) => {
    if (relatedTarget === null) filesOverPage.set(false);
  });
  addEventListener('drop', (event) => {
    filesOverPage.set(false);
    if (event.defaultPrevented || !hasFiles(event) || event.dataTransfer === null) return;
    event.preventDefault();
    goTo({ view: 'compose' });
    void readDrop(event.dataTransfer).then((dropped) => addDropped(dropped));
  });
  addEventListener('paste', paste);
}

/** Into the list that has the focus or the pointer. */
function paste(event: ClipboardEvent): void {
  const { clipboardData, target } = event;
  const isInField = target instanceof Element && target.closest('input, textarea, select, dialog') !== null;
  if (
    place.get().view !== 'compose' ||
    clipboardData === null ||
    isInField ||
    document.querySelector('dialog[open]') !== null
  )
    return;
  const list = listAt(document.activeElement) ?? listAt([...document.querySelectorAll(':hover')].at(-1));
  const files = [...clipboardData.files];
  const text = clipboardData.getData('text/plain');
  if (files.length > 0) {
    event.preventDefault();
    void addDropped(
      files.map((file) => ({ folders: [], file })),
      list,
    );
  } else if (looksLikeLinks(text)) {
    event.preventDefault();
    const into = list ?? emptyBlock();
    const mistakes = addLinks(into, text);
    if (mistakes.length > 0) notes.set({ list: into, texts: mistakes });
  }
}

function listAt(element: Element | null | undefined): string | undefined {
  return element?.closest<HTMLElement>('[data-list]')?.dataset['list'];
}
