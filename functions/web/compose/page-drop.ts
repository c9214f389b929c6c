/** Files that are dropped or pasted anywhere on the page, beside all lists. */
import { createStore } from '../ui/store.ts';
import { hasFiles, readDrop } from './drop-reading.ts';
import { addDropped, addLinks, emptyBlock, notes } from './intake.ts';
import { looksLikeLinks } from './links.ts';

/** Whether files are dragged over the page. */
export const filesOverPage = createStore(false);

/** For an effect: ends listening when the answer is called. */
export function listenToPage(): () => void {
  const stop = new AbortController();
  const on = <K extends keyof WindowEventMap>(type: K, heard: (event: WindowEventMap[K]) => void) =>
    addEventListener(type, heard, { signal: stop.signal });
  on('dragover', (event) => {
    if (!hasFiles(event)) return;
    // Or the browser would leave the page to show the file.
    event.preventDefault();
    filesOverPage.set(true);
  });
  on('dragleave', ({ relatedTarget }) => {
    if (relatedTarget === null) filesOverPage.set(false);
  });
  on('drop', (event) => {
    filesOverPage.set(false);
    if (event.defaultPrevented || !hasFiles(event) || event.dataTransfer === null) return;
    event.preventDefault();
    void readDrop(event.dataTransfer).then((dropped) => addDropped(dropped));
  });
  on('paste', paste);
  return () => stop.abort();
}

/** Into the list that has the focus or the pointer. */
function paste(event: ClipboardEvent): void {
  const { clipboardData, target } = event;
  const isInField = target instanceof Element && target.closest('input, textarea, select, dialog') !== null;
  if (clipboardData === null || isInField || document.querySelector('dialog[open]') !== null) return;
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
