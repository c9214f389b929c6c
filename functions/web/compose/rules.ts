import { html } from '../ui/html.ts';

export function Rules() {
  return html`<section class="card"></section>`;
}
