/** All videos of a task as tiles. Only those in view are in the page, so that thousands of them stay quick. */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { RenderView } from '../../model/answers/render.ts';
import { html } from '../ui/html.ts';
import { type Layout, layoutOf, moved, placeAt, type Range, rangeInView } from './layout.ts';
import type { Token } from './links.ts';
import { labelOf } from './names.ts';
import { Tile, type TileActions } from './tile.ts';

export interface GridProps {
  taskId: string;
  videos: readonly RenderView[];
  token: Token;
  stars: ReadonlySet<number>;
  compared: readonly number[];
  /** Width of the pictures divided by their height. */
  aspect: number;
  actions: TileActions;
  /** A video that gets the focus, as after its player was closed. */
  wanted: { index: number } | null;
}

export function Grid({ taskId, videos, token, stars, compared, aspect, actions, wanted }: GridProps) {
  const list = useRef<HTMLDivElement>(null);
  const width = useWidth(list);
  const name = useMemo(() => longestOf(videos), [videos]);
  const nameWidth = useMemo(() => widthOf(name), [name]);
  const layout = useMemo(
    () => layoutOf(width, videos.length, aspect, nameWidth),
    [width, videos.length, aspect, nameWidth],
  );
  const range = useRange(list, layout);
  const [current, setCurrent] = useState(0);
  const focused = useRef<number | null>(null);
  const position = Math.min(current, Math.max(0, videos.length - 1));

  const goTo = (to: number) => {
    focused.current = to;
    setCurrent(to);
    reveal(list.current, layout, to);
  };
  useEffect(() => {
    const to = wanted === null ? -1 : videos.findIndex(({ index }) => index === wanted.index);
    if (to >= 0) goTo(to);
  }, [wanted]);
  useLayoutEffect(() => {
    if (focused.current === null) return;
    const tile = list.current?.querySelector<HTMLElement>(
      `[aria-posinset="${focused.current + 1}"] [data-main]`,
    );
    if (!tile) return;
    focused.current = null;
    tile.focus({ preventScroll: true });
  });

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const to = moved(layout, position, event.key);
    if (to === undefined) return;
    event.preventDefault();
    goTo(to);
  };
  const onFocusIn = (event: FocusEvent) => {
    const item = (event.target as HTMLElement).closest('[aria-posinset]');
    if (item !== null) setCurrent(Number(item.getAttribute('aria-posinset')) - 1);
  };

  return html`
    <div ref=${list} class="watch-grid" role="list" aria-label="Videos" aria-describedby="watch-keys"
      style=${{ height: `${layout.height}px` }} onKeyDown=${onKeyDown} onFocusIn=${onFocusIn}>
      ${drawn(range, position, videos.length).map((at) => {
        const video = videos[at] as RenderView;
        const { x, y } = placeAt(layout, at);
        return html`
          <div role="listitem" class="watch-cell" key=${video.index} aria-setsize=${videos.length} aria-posinset=${at + 1}
            style=${{ left: `${x}px`, top: `${y}px`, width: `${layout.tileWidth}px`, height: `${layout.tileHeight}px` }}>
            <${Tile} taskId=${taskId} video=${video} token=${token} isStarred=${stars.has(video.index)}
              isCompared=${compared.includes(video.index)} isCurrent=${at === position}
              posterHeight=${layout.posterHeight} actions=${actions} />
          </div>`;
      })}
    </div>
    <p id="watch-keys" class="hidden">Arrow keys move between videos.</p>`;
}

function longestOf(videos: readonly RenderView[]): string {
  return videos.map(labelOf).reduce((longest, name) => (name.length > longest.length ? name : longest), '');
}

/** In pixels, on one line, as `.watch-name` shows it. */
function widthOf(name: string): number {
  const context = document.createElement('canvas').getContext('2d');
  if (context === null) return 0;
  context.font = `600 15px ${getComputedStyle(document.body).fontFamily}`;
  return context.measureText(name).width;
}

/** With the one that Tab leads to, wherever the grid is scrolled to. */
function drawn({ first, last }: Range, current: number, count: number): number[] {
  const positions = Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => first + at);
  return current < count && (current < first || current > last) ? [...positions, current] : positions;
}

function useWidth(list: { current: HTMLElement | null }): number {
  const [width, set] = useState(0);
  useLayoutEffect(() => {
    const element = list.current;
    if (element === null) return undefined;
    set(element.clientWidth);
    const observer = new ResizeObserver(() => set(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return width;
}

const NOTHING: Range = { first: 0, last: -1 };

function useRange(list: { current: HTMLElement | null }, layout: Layout): Range {
  const [range, set] = useState<Range>(NOTHING);
  useLayoutEffect(() => {
    let frame = 0;
    const look = () => {
      frame = 0;
      const top = -(list.current?.getBoundingClientRect().top ?? 0);
      const seen = layout.tileWidth === 0 ? NOTHING : rangeInView(layout, top, innerHeight);
      set((now) => (now.first === seen.first && now.last === seen.last ? now : seen));
    };
    const later = () => {
      frame ||= requestAnimationFrame(look);
    };
    look();
    addEventListener('scroll', later, { passive: true });
    addEventListener('resize', later, { passive: true });
    // What stands above the grid grows and shrinks.
    const observer = new ResizeObserver(later);
    observer.observe(document.body);
    return () => {
      observer.disconnect();
      cancelAnimationFrame(frame);
      removeEventListener('scroll', later);
      removeEventListener('resize', later);
    };
  }, [layout]);
  // The list may have become shorter since.
  return range.last < layout.count
    ? range
    : { first: Math.min(range.first, layout.count), last: layout.count - 1 };
}

/** Scrolls as little as shows the tile. */
function reveal(list: HTMLElement | null, layout: Layout, position: number): void {
  if (list === null) return;
  const top = list.getBoundingClientRect().top + placeAt(layout, position).y;
  const bottom = top + layout.tileHeight;
  if (top < 0) scrollBy({ top: top - EDGE });
  else if (bottom > innerHeight - BAR) scrollBy({ top: Math.min(bottom - innerHeight + BAR, top - EDGE) });
}

const EDGE = 16;
/** The bar of videos to compare stands over the lower edge. */
const BAR = 96;
