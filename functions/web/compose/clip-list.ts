/** The clips of a block or the tracks, in order, and where more can be dropped. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { html } from '../ui/html.ts';
import { memo } from '../ui/memo.ts';
import { useStore } from '../ui/store.ts';
import { placeOfClip } from './arrange-clips.ts';
import { ClipCard } from './clip-card.ts';
import { type Clip, draft } from './draft.ts';
import { dropClip } from './drag-clip.ts';
import { dragged, endDrag, indexAt } from './dragging.ts';
import { hasFiles, readDrop } from './drop-reading.ts';
import { addDropped } from './intake.ts';

export interface ClipListProps {
  list: string;
  clips: readonly Clip[];
  /** For screen readers. */
  label: string;
}

/** Cards that are drawn, or left out, together. */
const CHUNK = 12;
/** Shorter lists are drawn whole. */
const LONG = 3 * CHUNK;
/** Of a card that was not drawn yet, with the gap behind it, in pixels. */
const CARD_HEIGHT = 116;

export function ClipList({ list, clips, label }: ClipListProps) {
  const element = useRef<HTMLDivElement>(null);
  const [mark, setMark] = useState<number | null>(null);
  const drag = useStore(dragged);
  const chunks = useChunks(clips);
  const markAt = drag === null ? null : mark;
  const over = (event: DragEvent) => {
    if (drag?.kind !== 'clip') return;
    event.preventDefault();
    event.stopPropagation();
    setMark(indexAt(element.current as Element, event.clientX, event.clientY));
  };
  const drop = (event: DragEvent) => {
    setMark(null);
    if (drag?.kind !== 'clip') return;
    event.preventDefault();
    event.stopPropagation();
    const at = indexAt(element.current as Element, event.clientX, event.clientY);
    dropClip(drag.key, list, at);
    endDrag();
  };
  return html`
    <div class="clips" role="list" ref=${element} aria-label=${label} onDragOver=${over} onDrop=${drop}
      onDragLeave=${(event: DragEvent) => {
        if (!element.current?.contains(event.relatedTarget as Node | null)) setMark(null);
      }}>
      ${chunks.map((chunk, number) => {
        const from = number * CHUNK;
        const isMarked = markAt !== null && markAt >= from && markAt <= from + chunk.length;
        return html`
          <${Chunk} key=${number} list=${list} clips=${chunk} from=${from} count=${clips.length} mark=${isMarked ? markAt : null} />`;
      })}
    </div>`;
}

interface ChunkProps {
  list: string;
  clips: readonly Clip[];
  /** Number of its first clip. */
  from: number;
  /** Of the whole list. */
  count: number;
  /** Before which clip of the list what is dragged would go; null: not here. */
  mark: number | null;
}

/** Empty, but as high as its cards, while it is far from what is seen. */
const Chunk = memo(({ list, clips, from, count, mark }: ChunkProps) => {
  const element = useRef<HTMLDivElement>(null);
  const height = useRef(0);
  const [isSeen, setSeen] = useState(from < CHUNK);
  const isNear = isSeen || count <= LONG;
  useEffect(() => {
    const chunk = element.current as HTMLDivElement;
    const near = { rootMargin: '600px 0px', scrollMargin: '600px 0px' };
    const watch = new IntersectionObserver(([seen]) => {
      if (seen?.isIntersecting) return setSeen(true);
      // What has the focus stays.
      if (chunk.contains(document.activeElement)) return;
      height.current = chunk.offsetHeight;
      setSeen(false);
    }, near);
    watch.observe(chunk);
    return () => watch.disconnect();
  }, []);
  const space = `${height.current || clips.length * CARD_HEIGHT}px`;
  return html`
    <div class="clips-chunk" role="presentation" data-from=${from} ref=${element} style=${{ minHeight: isNear ? '' : space }}>
      ${
        isNear &&
        clips.map((clip, number) => {
          const at = from + number;
          const isLast = at === count - 1;
          return html`
            <${ClipCard} key=${clip.key} clip=${clip} list=${list} at=${at} isLast=${isLast}
              mark=${mark === at ? 'before' : isLast && mark === count ? 'after' : ''} />`;
        })
      }
    </div>`;
});

/** The same array for each chunk in which nothing changed. */
function useChunks(clips: readonly Clip[]): readonly (readonly Clip[])[] {
  const last = useRef<readonly (readonly Clip[])[]>([]);
  last.current = Array.from({ length: Math.ceil(clips.length / CHUNK) }, (_, number) => {
    const chunk = clips.slice(number * CHUNK, (number + 1) * CHUNK);
    const before = last.current[number];
    const isSame = before?.length === chunk.length && chunk.every((clip, at) => clip === before[at]);
    return isSame ? before : chunk;
  });
  return last.current;
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
          dropClip(drag.key, list);
        }
        endDrag();
      },
    },
  };
}
