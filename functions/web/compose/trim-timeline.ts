/** A timeline with two handles, for pointers and keys. */
import { useRef } from 'preact/hooks';
import { html } from '../ui/html.ts';
import { afterKey, type Handle, moved, type Part, shownTime } from './trim-times.ts';

export interface TrimTimelineProps {
  part: Part;
  /** Length of the clip. */
  seconds: number;
  /** Where the player is. */
  time: number;
  onPart: (part: Part) => void;
  /** Shows the frame at this time. */
  onShow: (seconds: number) => void;
}

export function TrimTimeline({ part, seconds, time, onPart, onShow }: TrimTimelineProps) {
  const bar = useRef<HTMLDivElement>(null);
  const { start } = part;
  const end = part.end ?? seconds;
  const at = (value: number) => `${(100 * Math.max(0, Math.min(value, seconds))) / seconds}%`;
  const timeAt = ({ clientX }: PointerEvent) => {
    const { left, width } = (bar.current as HTMLElement).getBoundingClientRect();
    return ((clientX - left) / width) * seconds;
  };
  const move = (handle: Handle, to: number) => {
    const next = moved(part, handle, to, seconds);
    onPart(next);
    onShow(handle === 'start' ? next.start : Math.max(next.start, (next.end ?? seconds) - 0.001));
  };
  const follow = (handle: Handle) => (event: PointerEvent) => {
    const element = event.currentTarget as HTMLElement;
    if (element.hasPointerCapture(event.pointerId)) move(handle, timeAt(event));
  };
  const handleOf = (handle: Handle, value: number, label: string) => html`
    <div class=${`trim-handle ${handle}`} role="slider" tabindex="0" aria-label=${label} style=${{ left: at(value) }}
      aria-valuemin="0" aria-valuemax=${seconds} aria-valuenow=${value} aria-valuetext=${`${shownTime(value)} of ${shownTime(seconds)}`}
      onPointerDown=${(event: PointerEvent) => {
        event.stopPropagation();
        (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
      }}
      onPointerMove=${follow(handle)}
      onKeyDown=${(event: KeyboardEvent) => {
        const to = afterKey(event.key, event.shiftKey, value, seconds);
        if (to === undefined) return;
        event.preventDefault();
        move(handle, to);
      }}></div>`;
  return html`
    <div class="trim-line" ref=${bar} onPointerDown=${(event: PointerEvent) => onShow(Math.max(0, Math.min(timeAt(event), seconds)))}>
      <div class="trim-used" style=${{ left: at(start), right: `calc(100% - ${at(end)})` }}></div>
      <div class="trim-now" style=${{ left: at(time) }}></div>
      ${handleOf('start', start, 'Start')}
      ${handleOf('end', end, 'End')}
    </div>`;
}
