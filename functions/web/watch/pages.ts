/** The list of videos as pages, of which only those are asked for again that can have changed. */
import type { RenderList, RenderView } from '../../model/answers/render.ts';

export interface VideoPage {
  /** Asks for this page; null for the first one. */
  cursor: string | null;
  /** Asks for the one after it; null at the end of the list. */
  next: string | null;
  videos: readonly RenderView[];
}

export interface PageToAsk {
  at: number;
  cursor: string | null;
}

export function isOpen({ status }: Pick<RenderView, 'status'>): boolean {
  return status === 'pending' || status === 'rendering';
}

function endedIn(pages: readonly VideoPage[]): number {
  return pages.reduce((sum, { videos }) => sum + videos.filter((video) => !isOpen(video)).length, 0);
}

/** Whether all pages are there. */
export function isWhole(pages: readonly VideoPage[]): boolean {
  return pages.at(-1)?.next === null;
}

/**
 * The page to ask for next; undefined if nothing new can be learned now. First the list is read to its end. After that, pages
 * with open videos are asked for until as many have ended as the status says: videos are made nearly in their order.
 * @param ended how many videos have ended by the status of the task
 * @param asked pages that were asked for again since that status
 */
export function nextPage(
  pages: readonly VideoPage[],
  ended: number,
  asked: ReadonlySet<number>,
): PageToAsk | undefined {
  const last = pages.at(-1);
  if (last === undefined) return { at: 0, cursor: null };
  if (last.next !== null) return { at: pages.length, cursor: last.next };
  const at = pages.findIndex(({ videos }, number) => !asked.has(number) && videos.some(isOpen));
  if (at < 0 || (asked.size > 0 && endedIn(pages) >= ended)) return undefined;
  return { at, cursor: pages[at]?.cursor ?? null };
}

/** With the answer in its place. What has not changed stays the same object, so that it need not be drawn again. */
export function withPage(
  pages: readonly VideoPage[],
  { at, cursor }: PageToAsk,
  { renders, next_cursor: next }: RenderList,
): readonly VideoPage[] {
  const known = pages[at];
  const videos = renders.map((video, position) => {
    const before = known?.videos[position];
    return before !== undefined && isSame(before, video) ? before : video;
  });
  const isKnown =
    known !== undefined &&
    known.next === next &&
    known.videos.length === videos.length &&
    videos.every((video, position) => video === known.videos[position]);
  return isKnown ? pages : [...pages.slice(0, at), { cursor, next, videos }, ...pages.slice(at + 1)];
}

export function videosIn(pages: readonly VideoPage[]): readonly RenderView[] {
  return pages.flatMap(({ videos }) => videos);
}

/** What has ended never changes. */
function isSame(before: RenderView, now: RenderView): boolean {
  return (
    before.index === now.index &&
    before.status === now.status &&
    (!isOpen(now) || before.attempts === now.attempts)
  );
}
