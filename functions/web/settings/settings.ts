import { html } from '../ui/html.ts';

export function Settings() {
  return html`<section class="card"></section>`;
}
