/** What the service refuses of the draft: beside the field that it is about, and all of it in the summary. */
import { html } from '../ui/html.ts';
import { Notice } from '../ui/notice.ts';
import { useStore } from '../ui/store.ts';
import { placeOfClip } from './arrange-clips.ts';
import { draft } from './draft.ts';
import type { PlacedMistake } from './mistakes.ts';
import { plan } from './plan.ts';
import { starting } from './start.ts';

/** Places that show their own. */
const SHOWN =
  /^(clip:|line:|rule:)|^(name|fileName|formats|captions|linesMode|tracksMode|limit|rules|targets)$/;
const MOST = 10;
/** Until what was scrolled to is drawn. */
const DRAWN_MS = 150;

/** @param at a place of mistakes.ts, such as `line:KEY` */
export function Mistakes({ at }: { at: string }) {
  const found = useMistakes().filter((mistake) => mistake.at === at);
  if (found.length === 0) return null;
  return html`
    <div class="mistakes" id=${idOf(at)} tabindex="-1">
      ${found.map(({ message }) => html`<p key=${message}>${message}</p>`)}
    </div>`;
}

/** Of the plan, or else of the last try to start. */
function useMistakes(): readonly PlacedMistake[] {
  const ofPlan = useStore(plan, ({ mistakes }) => mistakes);
  const ofStart = useStore(starting, ({ mistakes }) => mistakes);
  return ofPlan.length > 0 ? ofPlan : ofStart;
}

/** @param onGo called when the person goes to one of them */
export function AllMistakes({ onGo }: { onGo: () => void }) {
  const mistakes = onePerPlace(useMistakes());
  if (mistakes.length === 0) return null;
  return html`
    <${Notice} kind="bad">
      <strong>${mistakes.length === 1 ? 'One thing to mend' : `${mistakes.length} things to mend`}</strong>
      <ul class="remarks">
        ${mistakes
          .slice(0, MOST)
          .map(
            (mistake) =>
              html`<li key=${mistake.about + mistake.message}><${Entry} mistake=${mistake} onGo=${onGo} /></li>`,
          )}
        ${mistakes.length > MOST ? html`<li>and ${mistakes.length - MOST} more</li>` : null}
      </ul>
    <//>`;
}

/** A place that shows its own is named once. */
function onePerPlace(mistakes: readonly PlacedMistake[]): readonly PlacedMistake[] {
  return mistakes.filter(
    ({ at }, number) => !SHOWN.test(at) || mistakes.findIndex((one) => one.at === at) === number,
  );
}

function Entry({ mistake: { at, about, message }, onGo }: { mistake: PlacedMistake; onGo: () => void }) {
  if (!SHOWN.test(at)) return html`${about === '' ? null : html`<b>${about}:</b> `}${message}`;
  const go = () => {
    onGo();
    // Once what covers it is gone.
    requestAnimationFrame(() => {
      if (isShown(at)) return;
      partWith(at)?.scrollIntoView({ block: 'center' });
      setTimeout(() => isShown(at), DRAWN_MS);
    });
  };
  return html`<button type="button" class="link" onClick=${go}>${about}</button>`;
}

function isShown(at: string): boolean {
  const place = document.getElementById(idOf(at));
  place?.scrollIntoView({ block: 'center' });
  place?.focus({ preventScroll: true });
  return place !== null;
}

/** The part of a long list with a clip that is not drawn, as it is far from what is seen. */
function partWith(at: string): Element | undefined {
  const place = placeOfClip(draft.get(), at.replace(/^clip:/, ''));
  const parts = document.querySelectorAll<HTMLElement>(`[data-list="${place?.list}"] [data-from]`);
  return [...parts].findLast((part) => Number(part.dataset['from']) <= (place?.at ?? -1));
}

function idOf(at: string): string {
  return `mistake-${at}`;
}
