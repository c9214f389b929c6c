import { html } from '../ui/html.ts';

export function Captions() {
  return html`<section class="card"></section>`;
}
