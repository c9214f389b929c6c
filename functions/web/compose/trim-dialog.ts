/** Chooses the part of a clip or track that is used, and its volume. */
import { useEffect, useState } from 'preact/hooks';
import { Dialog } from '../ui/dialog.ts';
import { html } from '../ui/html.ts';
import { Notice } from '../ui/notice.ts';
import { createStore, useStore } from '../ui/store.ts';
import { moveClip, placeOfClip, TRACKS } from './arrange-clips.ts';
import { type Clip, draft, edit, editClip } from './draft.ts';
import { kindOf } from './file-kinds.ts';
import { TrimPlayer } from './trim-player.ts';
import { mistakeIn, type Part, partOf, shownTime, trimOf } from './trim-times.ts';
import { VolumeField } from './volume-field.ts';

/** Key of the clip that is trimmed. */
export const trimming = createStore<string | null>(null);

export function TrimDialog() {
  const key = useStore(trimming);
  // So that it is not open when the person comes back from another view.
  useEffect(() => () => trimming.set(null), []);
  if (key === null) return null;
  const place = placeOfClip(draft.get(), key);
  return place === undefined ? null : html`<${Trim} key=${key} clip=${place.clip} list=${place.list} />`;
}

function Trim({ clip, list }: { clip: Clip; list: string }) {
  const [part, setPart] = useState<Part>(() => partOf(clip));
  const [volume, setVolume] = useState(clip.volume);
  const [block, setBlock] = useState(list);
  const [seconds, setSeconds] = useState(clip.seconds);
  const url = useObjectUrl(clip);
  const mistake = mistakeIn(part, seconds);
  const close = () => trimming.set(null);
  const keep = (event: Event) => {
    event.preventDefault();
    if (mistake !== undefined) return;
    editClip(clip.key, { ...trimOf(part, seconds), volume, seconds });
    if (block !== list) edit((now) => moveClip(now, clip.key, block));
    close();
  };
  const isPicture =
    clip.source.kind === 'file' && clip.source.file !== null && kindOf(clip.source.file) === 'picture';
  return html`
    <${Dialog} title=${`Trim ${clip.name}`} onClose=${close}>
      <form class="stack" onSubmit=${keep}>
        ${
          url === null || isPicture
            ? html`<p class="muted">${whyNoPlayer(clip, isPicture)}</p>`
            : html`
              <${TrimPlayer} url=${url} isSound=${list === TRACKS} part=${part} seconds=${seconds} volume=${volume}
                onPart=${setPart}
                onLength=${(length: number) => {
                  setSeconds((known) => known ?? length);
                  setPart(({ start, end }) => ({ start, end: end ?? length }));
                }} />`
        }
        <div class="trim-fields">
          <${TimeField} label="Start (s)" value=${part.start} onChange=${(start: number) => setPart({ ...part, start })} />
          <${TimeField} label="End (s)" value=${part.end} isOptional=${seconds === null}
            onChange=${(end: number) => setPart({ ...part, end: Number.isNaN(end) ? seconds : end })} />
          <p class="trim-length">
            <span class="label">Used</span>
            <output>${part.end === null ? 'to its end' : shownTime(Math.max(0, part.end - part.start))}</output>
          </p>
          <button type="button" class="button" onClick=${() => setPart({ start: 0, end: seconds })}>Reset</button>
        </div>
        ${mistake === undefined ? null : html`<${Notice} kind="bad">${mistake}<//>`}
        <${VolumeField} volume=${volume} isTrack=${list === TRACKS} onChange=${setVolume} />
        ${list === TRACKS ? null : html`<${BlockField} block=${block} onChange=${setBlock} />`}
        <div class="row dialog-buttons">
          <button type="button" class="button" onClick=${close}>Cancel</button>
          <button type="submit" class="button primary" disabled=${mistake !== undefined}>Use this part</button>
        </div>
      </form>
    <//>`;
}

interface TimeFieldProps {
  label: string;
  value: number | null;
  /** Whether it may be empty. */
  isOptional?: boolean;
  /** NaN: it is empty. */
  onChange: (seconds: number) => void;
}

function TimeField({ label, value, isOptional = false, onChange }: TimeFieldProps) {
  return html`
    <label class="field">
      <span>${label}</span>
      <input type="number" min="0" step="0.001" inputmode="decimal" required=${!isOptional}
        placeholder=${isOptional ? 'its end' : ''} value=${value === null || Number.isNaN(value) ? '' : value}
        onInput=${(event: InputEvent) => onChange((event.target as HTMLInputElement).valueAsNumber)} />
    </label>`;
}

function BlockField({ block, onChange }: { block: string; onChange: (key: string) => void }) {
  const blocks = useStore(draft, (now) => now.blocks);
  if (blocks.length < 2) return null;
  return html`
    <label class="field">
      <span>In block</span>
      <select value=${block} onChange=${(event: Event) => onChange((event.target as HTMLSelectElement).value)}>
        ${blocks.map(({ key, name }, at) => html`<option value=${key} selected=${key === block}>${name || `Block ${at + 1}`}</option>`)}
      </select>
    </label>`;
}

function whyNoPlayer({ source }: Clip, isPicture: boolean): string {
  if (isPicture) return 'A picture is shown for as long as end minus start. Without them, for 3 s.';
  return source.kind === 'link'
    ? 'This page loads nothing from other servers, so a link has no player here. Type the times in.'
    : 'The file is no longer in this page, so it has no player here. Type the times in, or drop the file again.';
}

/** An address of the clip's file for as long as the dialog is open; null: there is no file. */
function useObjectUrl({ source }: Clip): string | null {
  const file = source.kind === 'file' ? source.file : null;
  const [url, setUrl] = useState<string | null>(null);
  useEffect(() => {
    if (file === null) return;
    const made = URL.createObjectURL(file);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [file]);
  return url;
}
