/** Two videos side by side, which play together. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { RenderView } from '../../model/answers/render.ts';
import { Dialog } from '../ui/dialog.ts';
import { html } from '../ui/html.ts';
import { release } from '../ui/release.ts';
import { neighbour } from './choose.ts';
import { type Token, videoLink } from './links.ts';
import { labelOf } from './names.ts';

export interface CompareDialogProps {
  taskId: string;
  pair: readonly [RenderView, RenderView];
  /** Finished ones, as the grid shows them. */
  videos: readonly RenderView[];
  token: Token;
  stars: ReadonlySet<number>;
  onStar: (index: number) => void;
  onPair: (pair: readonly [number, number]) => void;
  onClose: () => void;
}

interface Player {
  current: HTMLVideoElement | null;
}

const SIDES = ['left', 'right'] as const;
/** Players drift apart; further than this is seen. */
const MOST_APART_SECONDS = 0.12;

export function CompareDialog(props: CompareDialogProps) {
  const { taskId, pair, videos, token, stars, onStar, onPair, onClose } = props;
  const players = [useRef<HTMLVideoElement>(null), useRef<HTMLVideoElement>(null)] as const;
  const { isPlaying, at, length, toggle, seek } = useTogether(players, `${pair[0].index} ${pair[1].index}`);
  const [heard, hear] = useState<0 | 1>(0);
  const show = (side: 0 | 1, to: RenderView) =>
    onPair(side === 0 ? [to.index, pair[1].index] : [pair[0].index, to.index]);
  return html`
    <${Dialog} title="Compare two videos" isWide onClose=${onClose}>
      <div class="watch-pair">
        ${([0, 1] as const).map((side) => {
          const video = pair[side];
          const other = pair[side === 0 ? 1 : 0].index;
          const isStarred = stars.has(video.index);
          const step = (by: 1 | -1, text: string, sign: string) => {
            const to = neighbour(videos, video.index, by, other);
            return html`<button type="button" class="icon-button" disabled=${to === undefined} title=${`${text} video`}
              aria-label=${`${text} video on the ${SIDES[side]}`} onClick=${() => to && show(side, to)}>${sign}</button>`;
          };
          return html`
            <section class="watch-half" aria-label=${`Video on the ${SIDES[side]}`} key=${side}>
              ${
                token === undefined
                  ? null
                  : html`<${Half} key=${video.index} player=${players[side]} address=${videoLink(taskId, video.index, token)}
                      label=${labelOf(video)} isMuted=${heard !== side} />`
              }
              <h3 class="watch-half-name">#${video.index} ${labelOf(video)}</h3>
              <p class="muted small watch-half-facts">${factsOf(video)}</p>
              <div class="watch-half-tools">
                <button type="button" class="icon-button watch-star" aria-pressed=${isStarred} title=${isStarred ? 'Take the star away' : 'Star'}
                  aria-label=${`Star video ${video.index}`} onClick=${() => onStar(video.index)}>${isStarred ? '★' : '☆'}</button>
                <label class="check"><input type="radio" name="watch-heard" checked=${heard === side} onChange=${() => hear(side)} />
                  Sound<span class="hidden"> of the video on the ${SIDES[side]}</span></label>
                <span class="watch-half-steps">${step(-1, 'Previous', '‹')}${step(1, 'Next', '›')}</span>
              </div>
            </section>`;
        })}
      </div>
      <div class="watch-together">
        <button type="button" class="button primary" onClick=${toggle}>${isPlaying ? 'Pause both' : 'Play both'}</button>
        <input type="range" aria-label="Position in both videos" min="0" max=${length} step="0.05" value=${at}
          aria-valuetext=${`${at.toFixed(1)} of ${length.toFixed(1)} seconds`}
          onInput=${(event: InputEvent) => seek(Number((event.target as HTMLInputElement).value))} />
        <span class="muted watch-clock">${at.toFixed(1)} / ${length.toFixed(1)} s</span>
      </div>
    <//>`;
}

/** In what two videos may differ beside their clips. */
function factsOf({ track_name: track, text, voice, format, duration_seconds: seconds }: RenderView): string {
  const music = track ?? 'no music';
  const line = text === null ? 'no line' : `“${text}”${voice === null ? '' : ` by ${voice}`}`;
  return [music, line, format, seconds === null ? null : `${seconds.toFixed(1)} s`]
    .filter(Boolean)
    .join(' · ');
}

interface HalfProps {
  player: Player;
  address: string;
  label: string;
  isMuted: boolean;
}

/** Stays at its first address: another token would begin the video again. */
function Half({ player, address, label, isMuted }: HalfProps) {
  const [first] = useState(address);
  useEffect(() => {
    const video = player.current;
    return () => {
      if (video !== null) release(video);
    };
  }, []);
  return html`<video class="watch-video" playsinline preload="auto" muted=${isMuted} aria-label=${label} src=${first}
    ref=${(video: HTMLVideoElement | null) => {
      player.current = video;
    }}></video>`;
}

type Players = readonly [Player, Player];

/** One pair of controls for both. @param pair changes with the videos */
function useTogether(refs: Players, pair: string) {
  const [isPlaying, play] = useState(false);
  const [at, setAt] = useState(0);
  const [length, setLength] = useState(0);
  const players = () => refs.map(({ current }) => current).filter((one) => one !== null);

  const seek = (seconds: number) => {
    setAt(seconds);
    for (const player of players()) player.currentTime = Math.min(seconds, lengthOf(player, seconds));
  };
  const stop = () => {
    play(false);
    for (const player of players()) player.pause();
  };
  const start = () => {
    if (length > 0 && at >= length - MOST_APART_SECONDS) seek(0);
    play(true);
    for (const player of players()) if (!player.ended) player.play().catch(stop);
  };

  useEffect(() => {
    stop();
    seek(0);
    setLength(0);
  }, [pair]);
  useEffect(() => {
    const timer = setInterval(() => {
      const now = players();
      setLength(Math.max(0, ...now.map((player) => lengthOf(player, 0))));
      const [first] = now.filter(({ ended }) => !ended);
      if (!isPlaying) return;
      if (first === undefined) {
        play(false);
        return;
      }
      setAt(first.currentTime);
      for (const other of now)
        if (!other.ended && Math.abs(other.currentTime - first.currentTime) > MOST_APART_SECONDS)
          other.currentTime = first.currentTime;
    }, 100);
    return () => clearInterval(timer);
  }, [isPlaying]);

  return { isPlaying, at, length, seek, toggle: () => (isPlaying ? stop() : start()) };
}

function lengthOf({ duration }: HTMLVideoElement, otherwise: number): number {
  return Number.isFinite(duration) ? duration : otherwise;
}
