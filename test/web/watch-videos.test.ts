/** What the page knows about the videos of a task: which pages it asks for, what it shows, and where. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RENDERS_PAGE } from '../../functions/http/examples.ts';
import type { RenderView } from '../../functions/model/answers/render.ts';
import { chosen, EVERYTHING, filterCounts, formatsOf, neighbour } from '../../functions/web/watch/choose.ts';
import { aspectOf, layoutOf, moved, placeAt, rangeInView } from '../../functions/web/watch/layout.ts';
import { baseName, labelOf } from '../../functions/web/watch/names.ts';
import { nextPage, type VideoPage, videosIn, withPage } from '../../functions/web/watch/pages.ts';
import { sharedRemarks } from '../../functions/web/watch/remarks.ts';

const [SAMPLE] = RENDERS_PAGE.renders as unknown as [RenderView];
const NO_STARS: ReadonlySet<number> = new Set();

function video(index: number, changes: Partial<RenderView> = {}): RenderView {
  return {
    ...SAMPLE,
    index,
    clip_names: [`hook-${index}`],
    ...changes,
  };
}

const indexesOf = (videos: readonly RenderView[]) => videos.map(({ index }) => index);

/** Reads from a list of videos, in pages, what the page of people reads; resolves with how many requests that took. */
function readList(
  known: readonly VideoPage[],
  service: readonly RenderView[],
  { size = 2, ended = service.filter(({ status }) => status === 'succeeded').length } = {},
): { pages: readonly VideoPage[]; asked: number[] } {
  let pages = known;
  const asked: number[] = [];
  const again = new Set<number>();
  for (;;) {
    const page = nextPage(pages, ended, again);
    if (page === undefined) return { pages, asked };
    assert.ok(asked.length < 50, 'asks forever');
    if (pages.at(-1)?.next === null) again.add(page.at);
    asked.push(page.at);
    const from = Number(page.cursor ?? 0);
    const next = from + size < service.length ? String(from + size) : null;
    pages = withPage(pages, page, {
      renders: structuredClone(service.slice(from, from + size)),
      next_cursor: next,
    });
  }
}

describe('the list of videos on the page', () => {
  const pending = Array.from({ length: 6 }, (_, at) => video(at + 1, { status: 'pending' }));
  const withEnded = (...indexes: number[]) =>
    pending.map((one) => (indexes.includes(one.index) ? video(one.index) : one));

  test('is read page by page, then only as far as videos have ended', () => {
    const first = readList([], pending);
    assert.deepEqual(first.asked, [0, 1, 2, 0]);
    assert.deepEqual(indexesOf(videosIn(first.pages)), [1, 2, 3, 4, 5, 6]);
    assert.deepEqual(readList(first.pages, withEnded(1)).asked, [0]);
    assert.deepEqual(readList(first.pages, withEnded(1, 4)).asked, [0, 1]);
    assert.deepEqual(readList(first.pages, withEnded(5)).asked, [0, 1, 2]);
  });

  test('never asks again for a page of which all videos have ended, and not at all once all have', () => {
    const { pages } = readList([], withEnded(1, 2, 3));
    assert.deepEqual(readList(pages, withEnded(1, 2, 3, 4)).asked, [1]);
    const all = readList(pages, withEnded(1, 2, 3, 4, 5, 6));
    assert.deepEqual(all.asked, [1, 2]);
    assert.deepEqual(readList(all.pages, []).asked, []);
  });

  test('keeps what has not changed as the same object, and sees what has', () => {
    const { pages } = readList([], pending);
    assert.equal(readList(pages, pending).pages, pages);
    const now = readList(pages, withEnded(2)).pages;
    assert.equal(videosIn(now)[0], videosIn(pages)[0]);
    assert.equal(videosIn(now)[1]?.status, 'succeeded');
    assert.equal(now[2], pages[2]);
    const started = pending.map((one) => (one.index === 1 ? video(1, { status: 'rendering' }) : one));
    assert.equal(videosIn(readList(pages, started).pages)[0]?.status, 'rendering');
  });
});

describe('what is shown of the videos', () => {
  const videos = [
    video(1, { clip_names: ['hook-10'], duration_seconds: 9 }),
    video(2, { clip_names: ['hook-2'], duration_seconds: 12, format: '1x1', file_name: 'de/spring-2.mp4' }),
    video(3, {
      clip_names: ['hook-1'],
      status: 'failed',
      duration_seconds: null,
      text: 'Buy now',
    }),
    video(4, {
      clip_names: ['hook-1'],
      track_name: 'Slow song',
      duration_seconds: 3,
      format: '9x16',
      voice: 'Adam',
    }),
  ];
  const shown = (changes: Partial<typeof EVERYTHING>, stars = NO_STARS) =>
    indexesOf(chosen(videos, { ...EVERYTHING, ...changes }, stars));

  test('is chosen by filter, format and words, and sorted as people count', () => {
    assert.deepEqual(shown({}), [1, 2, 3, 4]);
    assert.deepEqual(shown({ filter: 'done' }), [1, 2, 4]);
    assert.deepEqual(shown({ filter: 'failed' }), [3]);
    assert.deepEqual(shown({ filter: 'starred' }, new Set([4, 9])), [4]);
    assert.deepEqual(shown({ format: '1x1' }), [2]);
    assert.deepEqual(shown({ search: '  buy NOW ' }), [3]);
    assert.deepEqual(shown({ search: 'hook-1 adam' }), [4]);
    assert.deepEqual(shown({ search: '#2' }), [2]);
    assert.deepEqual(shown({ search: 'slow' }), [4]);
    assert.deepEqual(shown({ search: 'spring-2' }), [2]);
    assert.deepEqual(shown({ search: 'nowhere' }), []);
    assert.deepEqual(shown({ sort: 'name' }), [3, 4, 2, 1]);
    assert.deepEqual(shown({ sort: 'length' }), [4, 1, 2, 3]);
    assert.deepEqual(filterCounts(videos, new Set([1])), { all: 4, done: 3, failed: 1, starred: 1 });
    assert.deepEqual(formatsOf(videos), ['1x1', '9x16']);
  });

  test('has neighbours, of which one can be left out', () => {
    assert.equal(neighbour(videos, 2, 1)?.index, 3);
    assert.equal(neighbour(videos, 2, 1, 3)?.index, 4);
    assert.equal(neighbour(videos, 2, -1)?.index, 1);
    assert.equal(neighbour(videos, 2, -1, 1), undefined);
    assert.equal(neighbour(videos, 4, 1), undefined);
    assert.equal(neighbour(videos, 99, 1)?.index, 1);
  });

  test('is named as people called its clips, whatever its file is called', () => {
    const named = video(1, { clip_names: ['Dog & cat', 'Büro'], file_name: 'de/9x16/spring-hook1.mp4' });
    assert.equal(labelOf(named), 'Dog & cat · Büro');
    assert.equal(baseName(named.file_name), 'spring-hook1.mp4');
  });
});

describe('the grid of videos', () => {
  test('has as many columns as fit, two on a phone, and one in the narrowest window', () => {
    const columns = (width: number) => layoutOf(width, 100, 9 / 16, 12).columns;
    assert.deepEqual([columns(1312), columns(336), columns(100), columns(0)], [6, 2, 1, 1]);
    const { tileWidth, columns: many } = layoutOf(1312, 100, 9 / 16, 12);
    assert.ok(tileWidth * many <= 1312);
    const heights = [1, 150, 220, 2_000].map((width) => layoutOf(1312, 100, 1, width).tileHeight);
    const [one = 0] = heights;
    assert.deepEqual(heights, [one, one, one + 20, one + 40]);
  });

  test('draws only the rows in view and those next to them', () => {
    const layout = layoutOf(1312, 1000, 9 / 16, 12);
    const { rowStep, columns, height } = layout;
    assert.equal(rangeInView(layout, -300, 900).first, 0);
    const middle = rangeInView(layout, rowStep * 50, 900);
    assert.equal(middle.first, 49 * columns);
    assert.ok(middle.last - middle.first < columns * 6);
    assert.equal(rangeInView(layout, height - 900, 900).last, 999);
    assert.ok(rangeInView(layout, height * 3, 900).first <= 999);
    assert.deepEqual(rangeInView(layoutOf(1312, 0, 1, 12), 0, 900), { first: 0, last: -1 });
    assert.deepEqual(placeAt(layout, columns + 1), { x: layout.tileWidth + 16, y: rowStep });
  });

  test('is walked by the arrow keys, and not beyond its ends', () => {
    const layout = layoutOf(336, 5, 1, 12);
    const to = (from: number, key: string) => moved(layout, from, key);
    assert.deepEqual(
      [to(0, 'ArrowRight'), to(0, 'ArrowDown'), to(3, 'ArrowUp'), to(0, 'ArrowLeft'), to(4, 'ArrowDown')],
      [1, 2, 1, 0, 4],
    );
    assert.deepEqual([to(2, 'End'), to(2, 'Home'), to(2, 'a')], [4, 0, undefined]);
  });

  test('reads the shape of a video from the name of its format', () => {
    assert.deepEqual([aspectOf('9x16'), aspectOf('1920x1080'), aspectOf('0x0')], [9 / 16, 16 / 9, undefined]);
    assert.deepEqual([aspectOf('square'), aspectOf(null)], [undefined, undefined]);
  });
});

test('remarks are shared that all finished videos have, if there are several', () => {
  const one = video(1, { status: 'succeeded', warnings: ['a', 'b'] });
  const other = video(2, { status: 'succeeded', warnings: ['b', 'c'] });
  assert.deepEqual(sharedRemarks([one, other, video(3, { status: 'failed', warnings: [] })]), ['b']);
  assert.deepEqual(sharedRemarks([one]), []);
});
