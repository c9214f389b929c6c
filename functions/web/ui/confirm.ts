/** Asks once before something that cannot be undone. */
import { useState } from 'preact/hooks';
import { messageOf } from '../service.ts';
import { Dialog } from './dialog.ts';
import { type ComponentChildren, html } from './html.ts';
import { Notice } from './notice.ts';

export interface ConfirmProps {
  title: string;
  /** What happens then. */
  children: ComponentChildren;
  /** What the button says that does it, and the one that does not. */
  yes: string;
  no: string;
  /** The dialog closes once it is done, and says why if it cannot be. */
  onYes: () => Promise<void>;
  onClose: () => void;
}

export function Confirm({ title, children, yes, no, onYes, onClose }: ConfirmProps) {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');
  const confirm = async () => {
    setBusy(true);
    setProblem('');
    try {
      await onYes();
      onClose();
    } catch (error) {
      setProblem(messageOf(error));
      setBusy(false);
    }
  };
  return html`
    <${Dialog} title=${title} onClose=${onClose}>
      <div class="stack">
        <p>${children}</p>
        ${problem === '' ? null : html`<${Notice} kind="bad">${problem}<//>`}
        <div class="row">
          <button type="button" class="button danger" disabled=${isBusy} onClick=${confirm}>${yes}</button>
          <button type="button" class="button" onClick=${onClose}>${no}</button>
        </div>
      </div>
    <//>`;
}
