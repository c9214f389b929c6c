/** One video in the grid: its picture or how far it is, its name, and what can be done with it. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { RenderView } from '../../model/answers/render.ts';
import { copyText } from '../ui/copy.ts';
import { html } from '../ui/html.ts';
import { memo } from '../ui/memo.ts';
import { release } from '../ui/release.ts';
import { isOnDrive, type Token, videoLink } from './links.ts';
import { baseName, labelOf } from './names.ts';
import { keptPoster, type Poster, takePoster } from './posters.ts';

/** Stays the same object as long as the task is shown. */
export interface TileActions {
  open: (index: number) => void;
  star: (index: number) => void;
  compare: (index: number) => void;
  /** Called once with the shape of a finished video: width divided by height. */
  shape: (video: RenderView, aspect: number) => void;
}

export interface TileProps {
  taskId: string;
  video: RenderView;
  token: Token;
  isStarred: boolean;
  isCompared: boolean;
  /** Whether Tab leads to it: the arrow keys lead to the others. */
  isCurrent: boolean;
  posterHeight: number;
  actions: TileActions;
}

/** Tag, button and edges, less the row of buttons that only finished videos have. */
const FAILURE_AROUND = 80;
const FAILURE_LINE = 20;

export const Tile = memo(function Tile(props: TileProps) {
  const { video, isStarred, isCompared, isCurrent, posterHeight, actions } = props;
  const { index, file_name, status } = video;
  const label = labelOf(video);
  const tab = isCurrent ? 0 : -1;
  const isDone = status === 'succeeded';
  return html`
    <div class=${`watch-tile ${status}`}>
      <div class="watch-picture" style=${isDone ? { height: `${posterHeight}px` } : {}}><${Picture} ...${props} label=${label} /></div>
      <div class="watch-foot">
        <p class="watch-name" title=${file_name}>${label}</p>
        <p class="watch-facts muted">#${index}${factsOf(video)}</p>
        ${
          isDone
            ? html`
          <div class="watch-tools">
            <button type="button" class="icon-button watch-star" tabindex=${tab} aria-pressed=${isStarred}
              aria-label=${`Star video ${index}, ${label}`} title=${isStarred ? 'Take the star away' : 'Star'}
              onClick=${() => actions.star(index)}>${isStarred ? '★' : '☆'}</button>
            ${
              isOnDrive(video)
                ? null
                : html`
              <label class="check watch-compare">
                <input type="checkbox" tabindex=${tab} checked=${isCompared} aria-label=${`Compare video ${index}, ${label}`}
                  onChange=${() => actions.compare(index)} />Compare
              </label>`
            }
          </div>`
            : null
        }
      </div>
    </div>`;
});

function factsOf({ duration_seconds: seconds, format }: RenderView): string {
  return `${seconds === null ? '' : ` · ${seconds.toFixed(1)} s`}${format === null ? '' : ` · ${format}`}`;
}

type PictureProps = TileProps & { label: string };

function Picture(props: PictureProps) {
  const { video, isCurrent, label, actions } = props;
  const tab = isCurrent ? 0 : -1;
  switch (video.status) {
    case 'succeeded':
      return isOnDrive(video) ? html`<${OnDrive} ...${props} />` : html`<${Player} ...${props} />`;
    case 'failed':
      return html`
        <div class="watch-failure">
          <p><span class="tag bad">Failed</span></p>
          <div class="watch-failure-text">
            <p class="watch-failure-message" style=${{ '-webkit-line-clamp': failureLines(props.posterHeight) }}>${video.error?.message}</p>
            <p class="muted">${video.error?.hint}</p>
          </div>
          <button type="button" class="button tight" data-main tabindex=${tab}
            aria-label=${`Details of video ${video.index}, ${label}`} onClick=${() => actions.open(video.index)}>Details</button>
        </div>`;
    default:
      return html`
        <div class="watch-waiting" data-main tabindex=${tab} role="group" aria-label=${`Video ${video.index}, ${label}: ${WAITING[video.status]}`}>
          <${ClipNames} video=${video} />
          <p class="muted small">${WAITING[video.status]}</p>
        </div>`;
  }
}

/** Whole lines of a message that fit between the tag and the button. @param height of a picture, in pixels */
function failureLines(height: number): number {
  return Math.max(2, Math.floor((height - FAILURE_AROUND) / FAILURE_LINE));
}

const WAITING = { pending: 'Waiting', rendering: 'Being made …', cancelled: 'Cancelled' } as const;

function ClipNames({ video }: { video: RenderView }) {
  return html`<ol class="watch-clips">${video.clip_names.map((name) => html`<li>${name}</li>`)}</ol>`;
}

/** Drive plays its videos on pages of its own. */
function OnDrive({ video, isCurrent, label }: PictureProps) {
  const tab = isCurrent ? 0 : -1;
  const address = video.url ?? '';
  return html`
    <div class="watch-drive">
      <${ClipNames} video=${video} />
      <a class="button tight" data-main tabindex=${tab} href=${address} target="_blank" rel="noreferrer"
        aria-label=${`Open video ${video.index}, ${label}, in Drive`}>Open in Drive</a>
      <button type="button" class="button quiet tight" tabindex=${tab} aria-label=${`Copy the link of video ${video.index}, ${label}`}
        onClick=${() => copyText(address, 'Link copied')}>Copy link</button>
    </div>`;
}

/** Plays silently while the pointer rests on it. */
function Player({ taskId, video, token, isCurrent, label, actions }: PictureProps) {
  const [isPlaying, play] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const poster = usePoster(taskId, video, token, actions);
  const stop = () => {
    clearTimeout(timer.current);
    play(false);
  };
  const start = () => {
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) return;
    clearTimeout(timer.current);
    timer.current = setTimeout(() => play(true), REST_MS);
  };
  useEffect(() => () => clearTimeout(timer.current), []);
  const address = token === undefined ? undefined : videoLink(taskId, video.index, token);
  return html`
    <button type="button" class="watch-play" data-main tabindex=${isCurrent ? 0 : -1} aria-label=${`Play video ${video.index}, ${label}`}
      title=${baseName(video.file_name)} onClick=${() => actions.open(video.index)}
      onPointerEnter=${(event: PointerEvent) => event.pointerType === 'mouse' && start()} onPointerLeave=${stop}
      onFocus=${start} onBlur=${stop}>
      ${poster ? html`<img src=${poster.url} alt="" decoding="async" />` : null}
      ${
        poster === null && address
          ? html`<${Muted} address=${`${address}#t=0.5`} isMoving=${false} onShape=${(aspect: number) => actions.shape(video, aspect)} />`
          : null
      }
      ${isPlaying && address ? html`<${Muted} address=${address} isMoving=${true} />` : null}
      <span class="watch-triangle" aria-hidden="true"></span>
    </button>`;
}

const REST_MS = 250;

interface MutedProps {
  address: string;
  /** Or one picture of it. */
  isMoving: boolean;
  onShape?: (aspect: number) => void;
}

function Muted({ address, isMoving, onShape }: MutedProps) {
  const element = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const player = element.current;
    if (player === null) return undefined;
    // Browsers look at the property before they play anything by themselves.
    player.muted = true;
    if (isMoving) player.play().catch(() => {});
    return () => release(player);
  }, []);
  return html`<video ref=${element} muted loop playsinline preload=${isMoving ? 'auto' : 'metadata'} src=${address}
    onLoadedMetadata=${() => {
      const { videoWidth: width = 0, videoHeight: height = 0 } = element.current ?? {};
      if (width > 0 && height > 0) onShape?.(width / height);
    }}></video>`;
}

/** Undefined while it is taken, null where there is none. */
function usePoster(
  taskId: string,
  video: RenderView,
  token: Token,
  actions: TileActions,
): Poster | null | undefined {
  const name = `${taskId}/${video.index}`;
  const [poster, set] = useState<Poster | null | undefined>(() => keptPoster(name));
  const isKnown = token !== undefined;
  useEffect(() => {
    if (poster) actions.shape(video, poster.aspect);
    if (!isKnown || poster !== undefined) return undefined;
    const leave = new AbortController();
    void takePoster(name, videoLink(taskId, video.index, token), leave.signal).then((taken) => {
      if (leave.signal.aborted) return;
      set(taken);
      if (taken !== null) actions.shape(video, taken.aspect);
    });
    return () => leave.abort();
  }, [isKnown]);
  return poster;
}
