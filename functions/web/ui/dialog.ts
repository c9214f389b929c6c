/** A dialog of the browser's own: it keeps the focus inside, and Escape closes it. */
import { useEffect, useId, useRef } from 'preact/hooks';
import { type ComponentChildren, html } from './html.ts';
import { Said } from './notice.ts';

export interface DialogProps {
  title: string;
  /** Called when the person closes it, however they do. */
  onClose: () => void;
  /** As wide as the window allows, for videos. */
  isWide?: boolean;
  children: ComponentChildren;
}

export function Dialog({ title, onClose, isWide = false, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const opener = document.activeElement;
    element.current?.showModal();
    return () => focusAgain(opener);
  }, []);
  const closedBeside = (event: MouseEvent) => {
    if (event.target === element.current) onClose();
  };
  return html`
    <dialog ref=${element} class=${isWide ? 'dialog wide' : 'dialog'} aria-labelledby=${id}
      onCancel=${(event: Event) => {
        event.preventDefault();
        onClose();
      }}
      onMouseDown=${closedBeside}>
      <div class="dialog-content">
        <header class="dialog-head">
          <h2 id=${id}>${title}</h2>
          <button type="button" class="icon-button" aria-label="Close" onClick=${onClose}>✕</button>
        </header>
        ${children}
      </div>
      <${Said} />
    </dialog>`;
}

/** What opened the dialog may be gone by now, such as the row of a task that was deleted. */
function focusAgain(opener: Element | null): void {
  if (opener instanceof HTMLElement) opener.focus();
  setTimeout(() => {
    const { activeElement, body } = document;
    if (activeElement === null || activeElement === body) document.getElementById('content')?.focus();
  });
}
