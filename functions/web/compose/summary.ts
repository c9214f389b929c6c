import { html } from '../ui/html.ts';

export function Summary() {
  return html`<section class="card"></section>`;
}
