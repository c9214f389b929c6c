/** One video, large, with all that is known about it. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { RenderView } from '../../model/answers/render.ts';
import { copyText } from '../ui/copy.ts';
import { Dialog } from '../ui/dialog.ts';
import { html } from '../ui/html.ts';
import { release } from '../ui/release.ts';
import { neighbour } from './choose.ts';
import { Facts } from './facts.ts';
import { isOnDrive, type Token, videoLink, webAddress } from './links.ts';
import { baseName, labelOf } from './names.ts';

export interface VideoDialogProps {
  taskId: string;
  video: RenderView;
  /** As the grid shows them. */
  videos: readonly RenderView[];
  token: Token;
  isStarred: boolean;
  /** Remarks that are said of all videos. */
  shared: readonly string[];
  onStar: (index: number) => void;
  onShow: (index: number) => void;
  onClose: () => void;
}

export function VideoDialog(props: VideoDialogProps) {
  const { video, videos, isStarred, shared, onStar, onShow, onClose } = props;
  const before = neighbour(videos, video.index, -1);
  const after = neighbour(videos, video.index, 1);
  const isDone = video.status === 'succeeded';
  useKeys({
    ArrowLeft: () => before && onShow(before.index),
    ArrowRight: () => after && onShow(after.index),
    s: () => isDone && onStar(video.index),
  });
  const step = (to: RenderView | undefined, text: string) => html`
    <button type="button" class="button" disabled=${to === undefined} onClick=${() => to && onShow(to.index)}>${text}</button>`;
  return html`
    <${Dialog} title=${`#${video.index} ${labelOf(video)}`} isWide onClose=${onClose}>
      <div class="watch-dialog">
        <div class="watch-stage">
          <${Stage} key=${video.index} ...${props} />
          <div class="row watch-steps">
            ${step(before, 'Previous')} ${step(after, 'Next')}
            ${
              isDone
                ? html`<button type="button" class="button watch-star" aria-pressed=${isStarred} onClick=${() => onStar(video.index)}>
                  <span aria-hidden="true">${isStarred ? '★' : '☆'}</span>${isStarred ? 'Starred' : 'Star'}
                </button>`
                : null
            }
          </div>
          <p class="muted small watch-keys">Arrow keys: previous and next. S: star.</p>
        </div>
        <div class="stack watch-side">
          ${isDone ? html`<${Files} ...${props} />` : null}
          <${Facts} video=${video} shared=${shared} />
        </div>
      </div>
    <//>`;
}

function Stage({ taskId, video, token }: VideoDialogProps) {
  const isPlayed = video.status === 'succeeded' && !isOnDrive(video);
  if (!isPlayed) return html`<p class="watch-no-player">${withoutPlayer(video)}</p>`;
  if (token === undefined) return html`<p class="watch-no-player">Loading …</p>`;
  return html`<${Player} label=${labelOf(video)} address=${videoLink(taskId, video.index, token)} />`;
}

/** Stays at its first address: another token would begin the video again. */
function Player({ label, address }: { label: string; address: string }) {
  const element = useRef<HTMLVideoElement>(null);
  const [first] = useState(address);
  useEffect(() => {
    const player = element.current;
    return () => {
      if (player !== null) release(player);
    };
  }, []);
  return html`<video ref=${element} class="watch-video" controls autoplay playsinline aria-label=${label} src=${first}></video>`;
}

function withoutPlayer(video: RenderView): string {
  switch (video.status) {
    case 'succeeded':
      return 'Google Drive plays this video on a page of its own.';
    case 'failed':
      return 'This video could not be made.';
    case 'cancelled':
      return 'This video was cancelled.';
    default:
      return 'This video is not finished yet.';
  }
}

function Files({ taskId, video, token }: VideoDialogProps) {
  const address = webAddress(video);
  const own = videoLink(taskId, video.index, token);
  const copied = token
    ? 'Link copied. For at most 12 hours, it opens the files of this task to whoever has it'
    : 'Link copied';
  if (isOnDrive(video))
    return html`
      <div class="row">
        <a class="button primary" href=${address} target="_blank" rel="noreferrer">Open in Drive</a>
        <button type="button" class="button" onClick=${() => copyText(address ?? own, 'Link copied')}>Copy link</button>
      </div>`;
  return html`
    <div class="row">
      <a class="button primary" href=${own} download=${baseName(video.file_name)}>Download</a>
      <button type="button" class="button" onClick=${() => copyText(address ?? own, address ? 'Link copied' : copied)}>Copy link</button>
    </div>`;
}

/** While nothing that needs these keys itself has the focus. */
function useKeys(actions: Readonly<Record<string, () => unknown>>): void {
  const latest = useRef(actions);
  latest.current = actions;
  useEffect(() => {
    const heard = (event: KeyboardEvent) => {
      const isPlain = !(event.altKey || event.ctrlKey || event.metaKey);
      const isTaken =
        event.target instanceof HTMLElement && event.target.matches('video, input, select, textarea');
      const action = latest.current[event.key.length === 1 ? event.key.toLowerCase() : event.key];
      if (!isPlain || isTaken || action === undefined) return;
      event.preventDefault();
      action();
    };
    addEventListener('keydown', heard);
    return () => removeEventListener('keydown', heard);
  }, []);
}
