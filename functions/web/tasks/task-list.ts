import { html } from '../ui/html.ts';

export function TaskList() {
  return html`<section class="card"></section>`;
}
