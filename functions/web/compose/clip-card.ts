/** A clip or a track in its list. */
import { useState } from 'preact/hooks';
import { size } from '../ui/format.ts';
import { html } from '../ui/html.ts';
import { Icon, type IconName } from '../ui/icons.ts';
import { memo } from '../ui/memo.ts';
import { say } from '../ui/notice.ts';
import { clipsOf, moveClip, TRACKS } from './arrange-clips.ts';
import { type Clip, draft, edit, editClip, usedSeconds } from './draft.ts';
import { endDrag, startDrag } from './dragging.ts';
import { kindOf } from './file-kinds.ts';
import { ListenButton } from './listen.ts';
import { Mistakes } from './mistake-list.ts';
import { takeOutClip } from './removal.ts';
import { trimming } from './trim-dialog.ts';
import { shownTime } from './trim-times.ts';
import { UploadLine } from './upload-line.ts';

export interface ClipCardProps {
  clip: Clip;
  /** Key of its block, or TRACKS. */
  list: string;
  at: number;
  isLast: boolean;
  /** Where what is dragged would go. */
  mark: '' | 'before' | 'after';
}

export const ClipCard = memo(({ clip, list, at, isLast, mark }: ClipCardProps) => {
  const { key, name } = clip;
  const [isTyping, type] = useState(false);
  return html`
    <div class=${`clip ${mark}`} role="listitem" data-clip=${key} data-at=${at} draggable=${!isTyping}
      onDragStart=${(event: DragEvent) => startDrag(event, { kind: 'clip', key }, name)} onDragEnd=${endDrag}>
      <${Picture} clip=${clip} isTrack=${list === TRACKS} />
      <div class="clip-text">
        <input class="clip-name" aria-label=${`Name of ${name}`} title=${name} value=${name} maxlength="200"
          onFocus=${() => type(true)}
          onKeyDown=${leaveByKey(name)}
          onBlur=${(event: FocusEvent) => {
            type(false);
            rename(clip, event.target as HTMLInputElement);
          }} />
        <p class="clip-facts muted">${factsOf(clip)}</p>
      </div>
      <div class="clip-buttons">
        <button type="button" class="icon-button clip-move" aria-label=${`Move ${name} up`} disabled=${at === 0}
          data-does="up"
          onClick=${() => move(key, list, at - 1, 'up')}><${Icon} name="up" /></button>
        <button type="button" class="icon-button clip-move" aria-label=${`Move ${name} down`} disabled=${isLast}
          data-does="down"
          onClick=${() => move(key, list, at + 2, 'down')}><${Icon} name="down" /></button>
        ${list === TRACKS ? html`<${ListenButton} clip=${clip} />` : null}
        <button type="button" class="icon-button" aria-label=${`Trim ${name}`} title="Trim and volume"
          onClick=${() => trimming.set(key)}><${Icon} name="trim" /></button>
        <button type="button" class="icon-button" aria-label=${`Remove ${name}`} title="Remove" data-does="remove"
          onClick=${() => remove(key, list, at)}><${Icon} name="remove" /></button>
      </div>
      ${
        clip.isUnreadable === true
          ? html`<p class="clip-unreadable muted">The browser cannot show it. If it does not play elsewhere either, export it again.</p>`
          : null
      }
      <${UploadLine} clip=${clip} />
      <${Mistakes} at=${`clip:${key}`} />
    </div>`;
});

function Picture({ clip, isTrack }: { clip: Clip; isTrack: boolean }) {
  if (clip.poster !== null) {
    return html`<div class="clip-picture"><img src=${clip.poster} alt="" draggable=${false} decoding="async" /></div>`;
  }
  const title = isTrack || clip.source.kind === 'link' ? undefined : 'No picture of it in this browser';
  return html`<div class="clip-picture clip-blank" title=${title}><${Icon} name=${iconOf(clip, isTrack)} /></div>`;
}

function iconOf({ source }: Clip, isTrack: boolean): IconName {
  if (isTrack) return 'sound';
  if (source.kind === 'link') return 'link';
  return source.file !== null && kindOf(source.file) === 'picture' ? 'picture' : 'film';
}

/** `8 s · 1.5 s to 6 s · 3.4 MB` */
function factsOf(clip: Clip): string {
  const { seconds, startSeconds, endSeconds, volume, source } = clip;
  const used = usedSeconds(clip);
  const isTrimmed = startSeconds !== null || endSeconds !== null;
  const end = endSeconds ?? seconds;
  return [
    isTrimmed && used !== null ? `${round(used)} of ${seconds === null ? '…' : round(seconds)}` : null,
    !isTrimmed && seconds !== null ? round(seconds) : null,
    isTrimmed && used === null ? `from ${shownTime(startSeconds ?? 0)}` : null,
    isTrimmed && seconds === null && end !== null ? `to ${shownTime(end)}` : null,
    volume === null ? null : `volume ${Math.round(volume * 100)} %`,
    source.kind === 'file' ? size(source.bytes) : hostOf(source.url),
  ]
    .filter((fact) => fact !== null)
    .join(' · ');
}

function round(seconds: number): string {
  return `${seconds.toFixed(1)} s`;
}

function hostOf(url: string): string {
  return URL.parse(url)?.host || 'link';
}

/** As the service takes names: with a letter or a digit. */
function rename({ key, name }: Clip, input: HTMLInputElement): void {
  const wanted = input.value.trim().normalize('NFC');
  if (wanted === name) input.value = name;
  else if (/[\p{L}\p{N}]/u.test(wanted)) editClip(key, { name: wanted });
  else {
    input.value = name;
    say('A name needs a letter or a digit.');
  }
}

/** Enter keeps what was typed, Escape does not. */
export function leaveByKey(before: string) {
  return (event: KeyboardEvent) => {
    const input = event.target as HTMLInputElement;
    if (event.key === 'Escape') input.value = before;
    if (event.key === 'Enter' || event.key === 'Escape') input.blur();
  };
}

/** The button keeps the focus, or its neighbour gets it where it can go no further. */
function move(key: string, list: string, to: number, way: 'up' | 'down'): void {
  edit((now) => moveClip(now, key, list, to));
  focusSoon(key, way, way === 'up' ? 'down' : 'up');
}

/** The focus goes to the clip that is then in its place, so that a keyboard can go on. */
function remove(key: string, list: string, at: number): void {
  takeOutClip(key);
  const left = clipsOf(draft.get(), list);
  const next = left[at] ?? left[at - 1];
  if (next !== undefined) focusSoon(next.key, 'remove');
  else document.querySelector<HTMLElement>(`[data-list="${list}"] .add-clips button`)?.focus();
}

/** Once all is drawn: the first of these buttons of a clip that can be pressed. */
function focusSoon(key: string, ...buttons: readonly string[]): void {
  requestAnimationFrame(() => {
    const card = document.querySelector(`[data-clip="${key}"]`);
    const found = buttons.map((name) => card?.querySelector<HTMLElement>(`[data-does="${name}"]:enabled`));
    found.find((button) => button != null)?.focus();
  });
}
