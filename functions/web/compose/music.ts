import { html } from '../ui/html.ts';

export function Music() {
  return html`<section class="card"></section>`;
}
