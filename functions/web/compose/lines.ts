import { html } from '../ui/html.ts';

export function Lines() {
  return html`<section class="card"></section>`;
}
