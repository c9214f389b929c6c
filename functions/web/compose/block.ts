/** A block: one clip of it is in each video. */
import { useState } from 'preact/hooks';
import { count } from '../ui/format.ts';
import { html } from '../ui/html.ts';
import { Icon } from '../ui/icons.ts';
import { memo } from '../ui/memo.ts';
import { useStore } from '../ui/store.ts';
import { AddClips } from './add-clips.ts';
import { moveBlock } from './arrange-clips.ts';
import { leaveByKey } from './clip-card.ts';
import { ClipList, useDropTarget } from './clip-list.ts';
import { type Block, draft, edit, editBlock } from './draft.ts';
import { dragged, endDrag, startDrag } from './dragging.ts';
import { takeOutBlock } from './removal.ts';

export interface BlockColumnProps {
  block: Block;
  at: number;
  /** Of all blocks. */
  count: number;
}

export const BlockColumn = memo(({ block, at, count: all }: BlockColumnProps) => {
  const { key, clips } = block;
  const name = block.name || `block ${at + 1}`;
  const { isOver, handlers } = useDropTarget(key);
  const target = useBlockTarget(key, at);
  const move = (by: number) => edit(({ blocks }) => ({ blocks: moveBlock(blocks, key, by) }));
  const on = (event: 'onDragOver' | 'onDragLeave' | 'onDrop') => (happened: DragEvent) => {
    handlers[event]?.(happened);
    target.handlers[event]?.(happened);
  };
  return html`
    <section class=${['block', isOver ? 'is-over' : '', target.isOver ? 'is-target' : ''].join(' ')} data-list=${key}
      aria-label=${`Block ${at + 1}: ${name}`} onDragOver=${on('onDragOver')} onDragLeave=${on('onDragLeave')} onDrop=${on('onDrop')}>
      <header class="block-head">
        <span class="block-grip" draggable=${true} title="Drag to move the block" aria-hidden="true"
          onDragStart=${(event: DragEvent) => startDrag(event, { kind: 'block', key }, name)} onDragEnd=${endDrag}>
          <${Icon} name="grip" />
        </span>
        <input class="block-name" aria-label=${`Name of block ${at + 1}`} title=${name} value=${block.name} maxlength="200"
          placeholder=${`Block ${at + 1}`} onKeyDown=${leaveByKey(block.name)}
          onBlur=${(event: FocusEvent) => rename(key, (event.target as HTMLInputElement).value)} />
        <span class="tag" title=${count(clips.length, 'clip')}>${clips.length}<span class="hidden"> clips</span></span>
        <span class="block-buttons">
          <button type="button" class="icon-button" aria-label=${`Move ${name} left`} disabled=${at === 0}
            onClick=${() => move(-1)}><${Icon} name="left" /></button>
          <button type="button" class="icon-button" aria-label=${`Move ${name} right`} disabled=${at === all - 1}
            onClick=${() => move(1)}><${Icon} name="right" /></button>
          <button type="button" class="icon-button" aria-label=${`Remove ${name}`} disabled=${all === 1}
            onClick=${() => remove(key)}><${Icon} name="remove" /></button>
        </span>
      </header>
      ${clips.length > 0 ? html`<${ClipList} list=${key} clips=${clips} label=${`Clips of ${name}`} />` : null}
      <${AddClips} list=${key} name=${name} isEmpty=${clips.length === 0} />
    </section>`;
});

/** Takes the place of this block for a block that is dropped on it. */
function useBlockTarget(key: string, at: number) {
  const [isOver, setOver] = useState(false);
  const drag = useStore(dragged);
  const takes = drag?.kind === 'block' && drag.key !== key;
  const handlers: Record<string, (event: DragEvent) => void> = {
    onDragOver(event) {
      if (!takes) return;
      event.preventDefault();
      setOver(true);
    },
    onDragLeave: () => setOver(false),
    onDrop(event) {
      setOver(false);
      if (!takes) return;
      event.preventDefault();
      edit(({ blocks }) => {
        const from = blocks.findIndex((block) => block.key === drag.key);
        return { blocks: moveBlock(blocks, drag.key, at - from) };
      });
      endDrag();
    },
  };
  return { isOver: isOver && takes, handlers };
}

/** The focus goes to the block that is then in its place. */
function remove(key: string): void {
  const { blocks } = draft.get();
  const at = blocks.findIndex((block) => block.key === key);
  const next = blocks[at + 1] ?? blocks[at - 1];
  takeOutBlock(key);
  document.querySelector<HTMLElement>(`[data-list="${next?.key}"] .block-name`)?.focus();
}

function rename(key: string, typed: string): void {
  const name = typed.trim().normalize('NFC');
  editBlock(key, (block) => (block.name === name ? block : { ...block, name }));
}
