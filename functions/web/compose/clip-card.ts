/** A clip or a track in its list. */
import { useState } from 'preact/hooks';
import { size } from '../ui/format.ts';
import { html } from '../ui/html.ts';
import { memo } from '../ui/memo.ts';
import { say } from '../ui/notice.ts';
import { moveClip, TRACKS } from './arrange-clips.ts';
import { type Clip, draft, edit, editClip, usedSeconds } from './draft.ts';
import { endDrag, startDrag } from './dragging.ts';
import { kindOf } from './file-kinds.ts';
import { Icon, type IconName } from './icons.ts';
import { ListenButton } from './listen.ts';
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
}

export const ClipCard = memo(({ clip, list, at, isLast }: ClipCardProps) => {
  const { key, name } = clip;
  const [isTyping, type] = useState(false);
  return html`
    <li class="clip" data-clip=${key} draggable=${!isTyping}
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
        ${list === TRACKS ? html`<${ListenButton} clip=${clip} />` : null}
        <button type="button" class="icon-button clip-move" aria-label=${`Move ${name} up`} disabled=${at === 0}
          onClick=${() => edit((now) => moveClip(now, key, list, at - 1))}><${Icon} name="up" /></button>
        <button type="button" class="icon-button clip-move" aria-label=${`Move ${name} down`} disabled=${isLast}
          onClick=${() => edit((now) => moveClip(now, key, list, at + 2))}><${Icon} name="down" /></button>
        <button type="button" class="icon-button" aria-label=${`Trim ${name}`} title="Trim and volume"
          onClick=${() => trimming.set(key)}><${Icon} name="trim" /></button>
        <button type="button" class="icon-button" aria-label=${`Remove ${name}`} title="Remove"
          onClick=${(event: MouseEvent) => remove(key, event.currentTarget as HTMLElement)}><${Icon} name="remove" /></button>
      </div>
      <${UploadLine} clip=${clip} />
    </li>`;
});

function Picture({ clip, isTrack }: { clip: Clip; isTrack: boolean }) {
  if (clip.poster !== null) {
    return html`<div class="clip-picture"><img src=${clip.poster} alt="" draggable=${false} decoding="async" /></div>`;
  }
  return html`<div class="clip-picture clip-blank"><${Icon} name=${iconOf(clip, isTrack)} /></div>`;
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

/** The focus goes to the clip that is then in its place, so that a keyboard can go on. */
function remove(key: string, button: HTMLElement): void {
  const card = button.closest('li');
  const next = card?.nextElementSibling ?? card?.previousElementSibling;
  const around = card?.closest('[data-list]');
  takeOutClip(key);
  const target =
    next?.querySelector<HTMLElement>('.clip-buttons :last-child') ?? around?.querySelector('button');
  if (target instanceof HTMLElement) target.focus();
  if (draft.get().tracks.length === 0 && document.activeElement === document.body)
    document.getElementById('content')?.focus();
}
