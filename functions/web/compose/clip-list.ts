/** The clips of a block or the tracks, in order, and where more can be dropped. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { html } from '../ui/html.ts';
import { useStore } from '../ui/store.ts';
import { moveClip, placeOfClip } from './arrange-clips.ts';
import { ClipCard } from './clip-card.ts';
import { type Clip, draft, edit } from './draft.ts';
import { dragged, endDrag, indexAt } from './dragging.ts';
import { hasFiles, readDrop } from './drop-reading.ts';
import { addDropped } from './intake.ts';

export interface ClipListProps {
  list: string;
  clips: readonly Clip[];
  /** For screen readers. */
  label: string;
}

/** Cards that are drawn at first, and added whenever the last one comes near. */
const STEP = 30;

export function ClipList({ list, clips, label }: ClipListProps) {
  const element = useRef<HTMLUListElement>(null);
  const end = useRef<HTMLLIElement>(null);
  const [drawn, draw] = useState(STEP);
  const [mark, setMark] = useState<number | null>(null);
  const drag = useStore(dragged);
  const isMore = clips.length > drawn;

  useEffect(() => {
    if (!isMore || end.current === null) return;
    const watch = new IntersectionObserver(
      ([seen]) => {
        if (seen?.isIntersecting) draw((now) => now + STEP);
      },
      { root: element.current, rootMargin: '600px' },
    );
    watch.observe(end.current);
    return () => watch.disconnect();
  }, [isMore, drawn]);

  const indexOf = (event: DragEvent) =>
    indexAt(element.current?.querySelectorAll('[data-clip]') ?? [], event.clientY, 'y');
  const over = (event: DragEvent) => {
    if (drag?.kind !== 'clip') return;
    event.preventDefault();
    event.stopPropagation();
    setMark(indexOf(event));
  };
  const drop = (event: DragEvent) => {
    setMark(null);
    if (drag?.kind !== 'clip') return;
    event.preventDefault();
    event.stopPropagation();
    const at = indexOf(event);
    edit((now) => moveClip(now, drag.key, list, at));
    endDrag();
  };
  return html`
    <ul class="clips" ref=${element} aria-label=${label} onDragOver=${over} onDrop=${drop}
      onDragLeave=${(event: DragEvent) => {
        if (!element.current?.contains(event.relatedTarget as Node | null)) setMark(null);
      }}>
      ${clips
        .slice(0, drawn)
        .map((clip, at) => [
          mark === at && drag !== null
            ? html`<li key="mark" class="clip-mark" aria-hidden="true"></li>`
            : null,
          html`<${ClipCard} key=${clip.key} clip=${clip} list=${list} at=${at} isLast=${at === clips.length - 1} />`,
        ])}
      ${mark === clips.length && drag !== null ? html`<li key="mark" class="clip-mark" aria-hidden="true"></li>` : null}
      ${isMore ? html`<li key="more" ref=${end} class="muted small">${clips.length - drawn} more …</li>` : null}
    </ul>`;
}

/** What an element needs to take files, and clips of other lists, that are dropped on it. */
export function useDropTarget(list: string): {
  isOver: boolean;
  handlers: Record<string, (event: DragEvent) => void>;
} {
  const [isOver, setOver] = useState(false);
  const takes = (event: DragEvent) => hasFiles(event) || dragged.get()?.kind === 'clip';
  return {
    isOver,
    handlers: {
      onDragOver(event) {
        if (!takes(event)) return;
        event.preventDefault();
        setOver(true);
      },
      onDragLeave(event) {
        const { currentTarget, relatedTarget } = event;
        if (!(currentTarget as Element).contains(relatedTarget as Node | null)) setOver(false);
      },
      onDrop(event) {
        setOver(false);
        if (!takes(event)) return;
        event.preventDefault();
        const drag = dragged.get();
        if (hasFiles(event) && event.dataTransfer !== null) {
          void readDrop(event.dataTransfer).then((dropped) => addDropped(dropped, list));
        } else if (drag !== null && placeOfClip(draft.get(), drag.key)?.list !== list) {
          edit((now) => moveClip(now, drag.key, list));
        }
        endDrag();
      },
    },
  };
}
