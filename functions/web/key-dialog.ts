/** Asks for the API key, once per tab. */
import { useState } from 'preact/hooks';
import { keyQuestion } from './service.ts';
import { html } from './ui/html.ts';
import { Notice } from './ui/notice.ts';
import { useStore } from './ui/store.ts';

export function KeyDialog() {
  const question = useStore(keyQuestion);
  const [typed, type] = useState('');
  if (question === null) return null;
  const send = (event: Event) => {
    event.preventDefault();
    if (typed.trim() === '') return;
    question.answer(typed.trim());
    type('');
  };
  return html`
    <div class="key-page">
      <form class="card key-form" onSubmit=${send}>
        <h1>API key</h1>
        <p>This service wants its API key. It is kept in this tab until you close it, and nowhere else.</p>
        ${question.wasWrong ? html`<${Notice} kind="bad">Expected the API key of this service, got another one.<//>` : null}
        <label class="field">
          <span>API key</span>
          <input type="password" autocomplete="current-password" required value=${typed}
            onInput=${(event: InputEvent) => type((event.target as HTMLInputElement).value)} />
        </label>
        <button class="button primary" type="submit">Continue</button>
      </form>
    </div>`;
}
