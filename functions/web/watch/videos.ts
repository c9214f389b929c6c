/** The videos of a task: what is shown of them, and what is opened. */
import { useMemo, useRef, useState } from 'preact/hooks';
import type { RenderView } from '../../model/answers/render.ts';
import { html } from '../ui/html.ts';
import { chosen, EVERYTHING, filterCounts, formatsOf, type View } from './choose.ts';
import { CompareDialog } from './compare-dialog.ts';
import { Grid } from './grid.ts';
import { aspectOf } from './layout.ts';
import { isOnDrive, type Token } from './links.ts';
import { sharedRemarks } from './remarks.ts';
import { toggleStar } from './stars.ts';
import type { TileActions } from './tile.ts';
import { Toolbar } from './toolbar.ts';
import { VideoDialog } from './video-dialog.ts';

export interface VideosProps {
  taskId: string;
  videos: readonly RenderView[];
  isListed: boolean;
  token: Token;
  stars: ReadonlySet<number>;
}

/** Of videos for phones, until the first one was seen. */
const USUAL_ASPECT = 9 / 16;

export function Videos({ taskId, videos, isListed, token, stars }: VideosProps) {
  const [view, setView] = useState<View>(EVERYTHING);
  const [opened, open] = useState<number | null>(null);
  const [compared, compare] = useState<readonly number[]>([]);
  const [isComparing, setComparing] = useState(false);
  const [wanted, want] = useState<{ index: number } | null>(null);
  const [shapes, setShapes] = useState<Readonly<Record<string, number>>>({});
  const shown = useMemo(
    () => chosen(videos, view, stars),
    [videos, view, view.filter === 'starred' ? stars : null],
  );
  const counts = useMemo(() => filterCounts(videos, stars), [videos, stars]);
  const shared = useMemo(() => sharedRemarks(videos), [videos]);
  const formats = useMemo(() => formatsOf(videos), [videos]);
  const byIndex = useMemo(() => new Map(videos.map((video) => [video.index, video])), [videos]);
  const aspect = aspectFor(view.format === '' ? formats : [view.format], shapes);
  const comparable = useMemo(
    () => shown.filter((video) => video.status === 'succeeded' && !isOnDrive(video)),
    [shown],
  );

  const actions = useStable<TileActions>({
    open,
    star: (index) => toggleStar(taskId, index),
    // The third one takes the place of the first.
    compare: (index) =>
      compare((now) =>
        now.includes(index) ? now.filter((one) => one !== index) : [...now, index].slice(-2),
      ),
    shape: ({ format }, found) =>
      setShapes((known) => (known[format ?? ''] === undefined ? { ...known, [format ?? '']: found } : known)),
  });

  const playing = opened === null ? undefined : byIndex.get(opened);
  const pair = compared.map((index) => byIndex.get(index)).filter((video) => video !== undefined);
  const [left, right] = pair;
  return html`
    <section aria-labelledby="watch-videos">
      <h2 id="watch-videos" class="hidden">Videos</h2>
      <${Toolbar} view=${view} onView=${setView} counts=${counts} formats=${formats} />
      <p class="hidden" role="status">${isListed ? `${shown.length} of ${videos.length} videos shown` : 'Loading videos'}</p>
      ${
        view.filter === 'starred'
          ? html`<p class="watch-shared muted small">Stars are kept in this browser.</p>`
          : null
      }
      ${shared.map((remark) => html`<p key=${remark} class="watch-shared muted small">All videos: ${remark}</p>`)}
      ${shown.length === 0 ? html`<${Nothing} view=${view} isListed=${isListed} onAll=${() => setView(EVERYTHING)} />` : null}
      <${Grid} taskId=${taskId} videos=${shown} token=${token} stars=${stars} compared=${compared} aspect=${aspect}
        actions=${actions} wanted=${wanted} />
      ${
        compared.length === 0
          ? null
          : html`
        <div class="watch-chosen" role="region" aria-label="Videos to compare">
          <span>${compared.length === 1 ? `#${compared[0]} chosen. Choose one more.` : `#${compared[0]} and #${compared[1]}`}</span>
          <button type="button" class="button primary" disabled=${pair.length < 2} onClick=${() => setComparing(true)}>Compare two</button>
          <button type="button" class="button" onClick=${() => compare([])}>Clear</button>
        </div>`
      }
    </section>
    ${
      playing === undefined
        ? null
        : html`<${VideoDialog} taskId=${taskId} video=${playing} videos=${shown} token=${token} isStarred=${stars.has(playing.index)} shared=${shared}
            onStar=${actions.star} onShow=${open}
            onClose=${() => {
              open(null);
              want({ index: playing.index });
            }} />`
    }
    ${
      isComparing && left !== undefined && right !== undefined
        ? html`<${CompareDialog} taskId=${taskId} pair=${[left, right]} videos=${comparable} token=${token} stars=${stars}
            onStar=${actions.star} onPair=${compare} onClose=${() => setComparing(false)} />`
        : null
    }`;
}

function Nothing({ view, isListed, onAll }: { view: View; isListed: boolean; onAll: () => void }) {
  if (!isListed) return html`<p class="watch-nothing muted">Loading videos …</p>`;
  const said =
    view.filter === 'starred' && view.search === '' && view.format === ''
      ? 'No video has a star yet. Star the ones you like.'
      : 'No video fits what you chose.';
  return html`
    <div class="watch-nothing">
      <p class="muted">${said}</p>
      <button type="button" class="button" onClick=${onAll}>Show all videos</button>
    </div>`;
}

/** The tallest of them, so that all fit. */
function aspectFor(formats: readonly string[], shapes: Readonly<Record<string, number>>): number {
  const names = formats.length === 0 ? [''] : formats;
  return Math.min(...names.map((format) => shapes[format] ?? aspectOf(format) ?? USUAL_ASPECT));
}

/** The same object each time, whose functions are the latest. */
function useStable<T extends object>(actions: T): T {
  const latest = useRef(actions);
  latest.current = actions;
  return useMemo(() => {
    const stable = (name: string) => [
      name,
      (...values: unknown[]) =>
        (latest.current as Record<string, (...all: unknown[]) => unknown>)[name]?.(...values),
    ];
    return Object.fromEntries(Object.keys(actions).map(stable)) as T;
  }, []);
}
