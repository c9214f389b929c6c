/** What the service refuses of the draft, beside the field that it is about. */
import { html } from '../ui/html.ts';
import { useStore } from '../ui/store.ts';
import type { PlacedMistake } from './mistakes.ts';
import { plan } from './plan.ts';
import { starting } from './start.ts';

/** @param at a place of mistakes.ts, such as `line:KEY` */
export function Mistakes({ at }: { at: string }) {
  const found = useMistakes().filter((mistake) => mistake.at === at);
  if (found.length === 0) return null;
  return html`<div class="mistakes" role="alert">${found.map(({ message }) => html`<p key=${message}>${message}</p>`)}</div>`;
}

/** Of the last try to start, or else of the plan; each once. */
export function useMistakes(): readonly PlacedMistake[] {
  const ofPlan = useStore(plan, ({ mistakes }) => mistakes);
  const ofStart = useStore(starting, ({ mistakes }) => mistakes);
  return ofPlan.length > 0 ? ofPlan : ofStart;
}
