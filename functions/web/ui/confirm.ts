/** Asks before something that cannot be taken back. */
import { Dialog } from './dialog.ts';
import { type ComponentChildren, html } from './html.ts';

export interface ConfirmProps {
  title: string;
  /** What the buttons say. */
  yes: string;
  no: string;
  onYes: () => void;
  onNo: () => void;
  children: ComponentChildren;
}

export function Confirm({ title, yes, no, onYes, onNo, children }: ConfirmProps) {
  return html`
    <${Dialog} title=${title} onClose=${onNo}>
      <p>${children}</p>
      <div class="row confirm-buttons">
        <button type="button" class="button danger" onClick=${onYes}>${yes}</button>
        <button type="button" class="button" onClick=${onNo}>${no}</button>
      </div>
    <//>`;
}
