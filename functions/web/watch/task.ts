import { html } from '../ui/html.ts';

export function Task({ taskId }: { taskId: string }) {
  return html`<section class="card">${taskId}</section>`;
}
