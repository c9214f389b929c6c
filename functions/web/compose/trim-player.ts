/** Plays the used part of a clip again and again, above a timeline with its two ends. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { html } from '../ui/html.ts';
import { Icon } from '../ui/icons.ts';
import { release } from '../ui/release.ts';
import { TrimTimeline } from './trim-timeline.ts';
import type { Part } from './trim-times.ts';

export interface TrimPlayerProps {
  url: string;
  isSound: boolean;
  part: Part;
  seconds: number | null;
  volume: number | null;
  onPart: (part: Part) => void;
  /** Called once the length is known. */
  onLength: (seconds: number) => void;
}

export function TrimPlayer({ url, isSound, part, seconds, volume, onPart, onLength }: TrimPlayerProps) {
  const media = useRef<HTMLVideoElement>(null);
  const [isPlaying, setPlaying] = useState(false);
  const [time, setTime] = useState(part.start);
  const [isUnknown, setUnknown] = useState(false);
  const end = part.end ?? seconds ?? Number.POSITIVE_INFINITY;
  // A field that is empty for a moment has no number.
  const start = Number.isNaN(part.start) ? 0 : part.start;

  // Each frame, as the events of a player come only four times a second.
  useEffect(() => {
    if (!isPlaying) return;
    let frame = 0;
    const look = () => {
      const player = media.current;
      if (player !== null) {
        if (player.currentTime >= end || player.currentTime < start - 0.05) player.currentTime = start;
        setTime(player.currentTime);
      }
      frame = requestAnimationFrame(look);
    };
    frame = requestAnimationFrame(look);
    return () => cancelAnimationFrame(frame);
  }, [isPlaying, start, end]);

  useEffect(() => {
    const player = media.current;
    return () => {
      if (player !== null) release(player);
    };
  }, []);
  useEffect(() => {
    if (media.current !== null) media.current.volume = Math.min(1, volume ?? 1);
  }, [volume]);

  const show = (to: number) => {
    setTime(to);
    if (media.current !== null) media.current.currentTime = to;
  };
  const toggle = () => {
    const player = media.current;
    if (player === null) return;
    if (!player.paused) return player.pause();
    if (player.currentTime >= end || player.currentTime < start) player.currentTime = start;
    player.play().catch(() => setUnknown(true));
  };
  return html`
    <div class="trim-player">
      <video ref=${media} class=${isSound || isUnknown ? 'hidden' : ''} src=${url} playsinline preload="auto"
        aria-label="The clip"
        onLoadedMetadata=${() => {
          const player = media.current;
          // The dialog may have been closed meanwhile.
          if (player === null) return;
          if (Number.isFinite(player.duration)) onLength(Math.round(player.duration * 1_000) / 1_000);
          player.currentTime = start;
        }}
        onPlay=${() => setPlaying(true)} onPause=${() => setPlaying(false)} onEnded=${() => {
          show(start);
          media.current?.play().catch(() => {});
        }}
        onError=${() => setUnknown(true)}></video>
      ${isUnknown ? html`<p class="muted">This browser cannot play the file. The service can use it all the same: type the times in.</p>` : null}
      ${
        seconds === null || isUnknown
          ? null
          : html`
            <div class="trim-bar">
              <button type="button" class="icon-button trim-play" aria-label=${isPlaying ? 'Pause' : 'Play the part'}
                onClick=${toggle}><${Icon} name=${isPlaying ? 'pause' : 'play'} /></button>
              <${TrimTimeline} part=${part} seconds=${seconds} time=${time} onPart=${onPart} onShow=${show} />
            </div>`
      }
    </div>`;
}
