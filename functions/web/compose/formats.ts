import { html } from '../ui/html.ts';

export function Formats() {
  return html`<section class="card"></section>`;
}
