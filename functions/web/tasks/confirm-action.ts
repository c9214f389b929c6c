/** Asks once before something that cannot be undone. */
import { useState } from 'preact/hooks';
import { messageOf } from '../service.ts';
import { Dialog } from '../ui/dialog.ts';
import { type ComponentChildren, html } from '../ui/html.ts';
import { Notice } from '../ui/notice.ts';

export interface ConfirmActionProps {
  title: string;
  /** What happens then. */
  children: ComponentChildren;
  /** What the button says that does it, and the one that does not. */
  doIt: string;
  leave: string;
  /** The dialog closes once it is done, and says why if it cannot be. */
  onConfirm: () => Promise<void>;
  onClose: () => void;
}

export function ConfirmAction({ title, children, doIt, leave, onConfirm, onClose }: ConfirmActionProps) {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');
  const confirm = async () => {
    setBusy(true);
    setProblem('');
    try {
      await onConfirm();
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
          <button type="button" class="button danger" disabled=${isBusy} onClick=${confirm}>${doIt}</button>
          <button type="button" class="button" onClick=${onClose}>${leave}</button>
        </div>
      </div>
    <//>`;
}
