/** Short messages: in place, and spoken by screen readers. */
import { type ComponentChildren, html } from './html.ts';
import { createStore, useStore } from './store.ts';

export interface NoticeProps {
  kind: 'info' | 'warn' | 'bad' | 'ok';
  children: ComponentChildren;
}

/** A bad one is read out at once, the others when the reader is idle. */
export function Notice({ kind, children }: NoticeProps) {
  return html`<div class=${`notice ${kind}`} role=${kind === 'bad' ? 'alert' : 'status'}>${children}</div>`;
}

const MOST_MS = 5_000;
const said = createStore('');
let timer: ReturnType<typeof setTimeout> | undefined;

/** Shows a message for a moment at the edge of the page, such as "Link copied". */
export function say(text: string): void {
  clearTimeout(timer);
  said.set(text);
  timer = setTimeout(() => said.set(''), MOST_MS);
}

/** Where `say` shows its message: always there, so that screen readers follow it, and once more in each dialog, which covers the page. */
export function Said() {
  const text = useStore(said);
  return html`<div class="said" role="status">${text === '' ? null : html`<p>${text}</p>`}</div>`;
}
