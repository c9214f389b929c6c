/** Which videos are shown, and in which order. */
import type { RenderView } from '../../model/answers/render.ts';
import { labelOf } from './names.ts';

export const FILTERS = ['all', 'done', 'failed', 'starred'] as const;
export type Filter = (typeof FILTERS)[number];
export const SORTS = ['number', 'name', 'length'] as const;
export type Sort = (typeof SORTS)[number];

export interface View {
  filter: Filter;
  sort: Sort;
  /** Words that all have to be found. */
  search: string;
  /** Name of a format; empty: all. */
  format: string;
}

export const EVERYTHING: View = { filter: 'all', sort: 'number', search: '', format: '' };

export function chosen(
  videos: readonly RenderView[],
  view: View,
  stars: ReadonlySet<number>,
): readonly RenderView[] {
  const words = view.search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = videos.filter(
    (video) =>
      isIn(video, view.filter, stars) &&
      (view.format === '' || video.format === view.format) &&
      (words.length === 0 || hasWords(video, words)),
  );
  return view.sort === 'number' ? found : sorted(found, view.sort);
}

/** How many videos each filter shows. */
export function filterCounts(
  videos: readonly RenderView[],
  stars: ReadonlySet<number>,
): Readonly<Record<Filter, number>> {
  const many = (filter: Filter) => videos.filter((video) => isIn(video, filter, stars)).length;
  return { all: videos.length, done: many('done'), failed: many('failed'), starred: many('starred') };
}

/** In the order of the videos; empty if there is only one. */
export function formatsOf(videos: readonly RenderView[]): readonly string[] {
  return [...new Set(videos.map(({ format }) => format))].filter((format) => format !== null);
}

/** The video after this one in the list, or before it with `step` -1; undefined at its ends. */
export function neighbour(
  videos: readonly RenderView[],
  index: number,
  step: 1 | -1,
  except?: number,
): RenderView | undefined {
  let at = videos.findIndex((video) => video.index === index);
  if (at < 0) return step > 0 ? videos[0] : undefined;
  do at += step;
  while (videos[at] !== undefined && videos[at]?.index === except);
  return videos[at];
}

function isIn({ status, index }: RenderView, filter: Filter, stars: ReadonlySet<number>): boolean {
  switch (filter) {
    case 'all':
      return true;
    case 'done':
      return status === 'succeeded';
    case 'failed':
      return status === 'failed';
    case 'starred':
      return stars.has(index);
  }
}

function hasWords(video: RenderView, words: readonly string[]): boolean {
  const { index, file_name, clip_names, track_name, voice, text, format, language, group } = video;
  const parts = [`#${index}`, file_name, ...clip_names, track_name, voice, text, format, language, group];
  const all = parts
    .filter((part) => part !== null)
    .join(' ')
    .toLowerCase();
  return words.every((word) => all.includes(word));
}

function sorted(videos: readonly RenderView[], sort: Exclude<Sort, 'number'>): readonly RenderView[] {
  if (sort === 'length') return videos.toSorted((a, b) => lengthOf(a) - lengthOf(b) || a.index - b.index);
  // As people count: hook-2 before hook-10.
  const { compare } = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });
  return videos
    .map((video) => ({ video, label: labelOf(video) }))
    .sort((a, b) => compare(a.label, b.label) || a.video.index - b.video.index)
    .map(({ video }) => video);
}

/** Those without a video come last. */
function lengthOf({ duration_seconds }: RenderView): number {
  return duration_seconds ?? Number.POSITIVE_INFINITY;
}
