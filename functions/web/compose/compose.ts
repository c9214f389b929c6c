/** The view in which a task is put together: what goes in on one side, what comes out of it on the other. */
import { html } from '../ui/html.ts';
import { useStore } from '../ui/store.ts';
import { Blocks } from './blocks.ts';
import { Captions } from './captions.ts';
import { draft } from './draft.ts';
import { Formats } from './formats.ts';
import { Lines } from './lines.ts';
import { Music } from './music.ts';
import { Removed } from './notes.ts';
import { isWorthKeeping } from './pack.ts';
import { Rules } from './rules.ts';
import { broughtBack, followAndKeep, hasLast, startFromLast, startOver } from './saved-draft.ts';
import { Summary } from './summary.ts';

export function Compose() {
  followAndKeep();
  return html`
    <div class="compose">
      <div class="compose-parts">
        <header class="compose-head">
          <h1>New videos</h1>
          <${Kept} />
        </header>
        <${Blocks} />
        <${Music} />
        <${Lines} />
        <${Formats} />
        <${Captions} />
        <${Rules} />
      </div>
      <${Summary} />
      <${Removed} />
    </div>`;
}

/** What was brought back, or could be. */
function Kept() {
  const back = useStore(broughtBack);
  const isLast = useStore(hasLast);
  const isEmpty = useStore(draft, (now) => !isWorthKeeping(now));
  if (!isEmpty && back !== null) {
    return html`
      <div class="notice kept" role="status">
        <p>
          This is what you had put together before.
          ${back.lost.length === 0 ? null : ` ${lostWords(back.lost)}`}
        </p>
        <div class="row">
          <button type="button" class="button tight" onClick=${() => broughtBack.set(null)}>Go on</button>
          <button type="button" class="button tight" onClick=${startOver}>Start over</button>
        </div>
      </div>`;
  }
  if (isEmpty && isLast) {
    return html`
      <div class="row">
        <p class="muted">Every combination of your clips becomes a finished video.</p>
        <button type="button" class="button tight" onClick=${startFromLast}>Start from the last one</button>
      </div>`;
  }
  return html`<p class="muted">Every combination of your clips becomes a finished video.</p>`;
}

function lostWords(lost: readonly string[]): string {
  const names = lost.slice(0, 5).join(', ');
  const more = lost.length > 5 ? ` and ${lost.length - 5} more` : '';
  const which = lost.length === 1 ? 'One file was' : `${lost.length} files were`;
  return `${which} not kept by the service. Add again: ${names}${more}.`;
}
