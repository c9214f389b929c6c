/** Asks for the API key, once per tab. */
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { type KeyQuestion, keyQuestion } from './service.ts';
import { html } from './ui/html.ts';
import { Notice } from './ui/notice.ts';
import { useStore } from './ui/store.ts';

export function KeyDialog() {
  const question = useStore(keyQuestion);
  return question === null ? null : html`<${Question} ...${question} />`;
}

/** Above every other dialog. Nothing closes it but the key, as without it the page shows nothing. */
function Question({ wasWrong, answer }: KeyQuestion) {
  const dialog = useRef<HTMLDialogElement>(null);
  const title = useId();
  const [typed, type] = useState('');
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState(
    wasWrong ? 'Expected the API key of this service, got an old one.' : '',
  );
  useEffect(() => dialog.current?.showModal(), []);
  const send = async (event: Event) => {
    event.preventDefault();
    const given = typed.trim();
    if (given === '' || isBusy) return;
    setBusy(true);
    setProblem('');
    const refused = await answer(given);
    if (refused === null) return;
    setProblem(refused);
    setBusy(false);
  };
  return html`
    <dialog ref=${dialog} class="key-page" aria-labelledby=${title} closedby="none"
      onCancel=${(event: Event) => event.preventDefault()} onClose=${() => dialog.current?.showModal()}>
      <form class="card key-form" onSubmit=${send}>
        <h1 id=${title}>API key</h1>
        <p>This service wants its API key. It is kept in this tab until you close it, and nowhere else: another tab asks again.</p>
        ${problem === '' ? null : html`<${Notice} kind="bad">${problem}<//>`}
        <label class="field">
          <span>API key</span>
          <input type="password" name="api-key" autocomplete="current-password" required autofocus value=${typed}
            onInput=${(event: InputEvent) => type((event.target as HTMLInputElement).value)} />
        </label>
        <input class="hidden" type="text" name="user" autocomplete="username" tabindex="-1" aria-hidden="true" readonly
          value="Every Cut" />
        <button class="button primary" type="submit" aria-disabled=${isBusy}>${isBusy ? 'Trying …' : 'Continue'}</button>
      </form>
    </dialog>`;
}
