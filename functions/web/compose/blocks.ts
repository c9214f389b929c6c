import { html } from '../ui/html.ts';

export function Blocks() {
  return html`<section class="card"></section>`;
}
