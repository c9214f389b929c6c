/** What was not taken, at the list that it was dropped on; and the offer to put back what was removed. */
import { html } from '../ui/html.ts';
import { Icon } from '../ui/icons.ts';
import { Notice } from '../ui/notice.ts';
import { useStore } from '../ui/store.ts';
import { TRACKS } from './arrange-clips.ts';
import { notes } from './intake.ts';
import { forget, putBack, removed } from './removal.ts';

const MOST = 6;

export function Notes({ isTracks }: { isTracks: boolean }) {
  const { list, texts } = useStore(notes);
  if (texts.length === 0 || (list === TRACKS) !== isTracks) return null;
  const shown = texts.slice(0, MOST);
  const more = texts.length - shown.length;
  return html`
    <${Notice} kind="warn">
      <div class="notes">
        <ul>
          ${shown.map((text) => html`<li>${text}</li>`)}
          ${more > 0 ? html`<li>And ${more} more.</li>` : null}
        </ul>
        <button type="button" class="icon-button" aria-label="Dismiss the message"
          onClick=${() => notes.set({ list: '', texts: [] })}><${Icon} name="remove" /></button>
      </div>
    <//>`;
}

export function Removed() {
  const what = useStore(removed);
  return html`
    <div class="removed" role="status">
      ${
        what === null
          ? null
          : html`
            <p>${what.text}</p>
            <button type="button" class="button tight" onClick=${putBack}>Undo</button>
            <button type="button" class="icon-button" aria-label="Dismiss" onClick=${forget}><${Icon} name="remove" /></button>`
      }
    </div>`;
}
