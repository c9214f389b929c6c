/** The clips of a task, in their blocks. */
import { useEffect, useRef } from 'preact/hooks';
import { html } from '../ui/html.ts';
import { Icon } from '../ui/icons.ts';
import { useStore } from '../ui/store.ts';
import { MAX_BLOCKS } from './arrange-clips.ts';
import { BlockColumn } from './block.ts';
import { draft } from './draft.ts';
import { chosenFiles } from './drop-reading.ts';
import { addBlock, addDropped } from './intake.ts';
import { askBeforeLeaving } from './leaving.ts';
import { Notes } from './notes.ts';
import { filesOverPage, listenToPage } from './page-drop.ts';
import { TrimDialog } from './trim-dialog.ts';
import { UploadTotal } from './upload-total.ts';

listenToPage();
askBeforeLeaving();

export function Blocks() {
  const blocks = useStore(draft, (now) => now.blocks);
  const isOver = useStore(filesOverPage);
  const folder = useRef<HTMLInputElement>(null);
  useEffect(() => folder.current?.setAttribute('webkitdirectory', ''), []);
  return html`
    <section class=${isOver ? 'card clips-card is-over' : 'card clips-card'} aria-labelledby="clips-title">
      <div class="card-head">
        <div>
          <h2 id="clips-title">Clips</h2>
          <p class="muted small">One clip of every block makes a video. A folder with sub-folders fills all blocks.</p>
        </div>
        <div class="row">
          <${UploadTotal} />
          <button type="button" class="button tight" onClick=${() => folder.current?.click()}>Choose a folder</button>
          <button type="button" class="button tight" disabled=${blocks.length >= MAX_BLOCKS} onClick=${() => focusName(addBlock())}>
            <${Icon} name="plus" />Add a block
          </button>
          <input ref=${folder} type="file" multiple hidden aria-label="A folder with clips"
            onChange=${(event: Event) => {
              const input = event.target as HTMLInputElement;
              void addDropped(chosenFiles(input.files));
              input.value = '';
            }} />
        </div>
      </div>
      <${Notes} isTracks=${false} />
      <div class="blocks">
        ${blocks.map((block, at) => html`<${BlockColumn} key=${block.key} block=${block} at=${at} count=${blocks.length} />`)}
      </div>
      <${TrimDialog} />
    </section>`;
}

/** So that the new block can be named at once. */
function focusName(key: string): void {
  requestAnimationFrame(() => {
    const input = document.querySelector<HTMLInputElement>(`[data-list="${key}"] .block-name`);
    input?.select();
    input?.closest('.block')?.scrollIntoView({ inline: 'end', block: 'nearest' });
  });
}
