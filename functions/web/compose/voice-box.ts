/** Chooses a voice: a field to type into, with a list of voices that match. A combobox, as ARIA has it. */
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import type { VoiceView } from '../../model/answers/voice.ts';
import { html } from '../ui/html.ts';
import { useStore } from '../ui/store.ts';
import { typedIn } from '../ui/value.ts';
import { draft, editLine, type Line } from './draft.ts';
import { readVoices, usualVoice, voices } from './voice-list.ts';
import { heard, stopSample, toggleSample } from './voice-sample.ts';

const PAUSE_MS = 250;

export function VoiceBox({ line, label }: { line: Line; label: string }) {
  const id = useId();
  const known = useStore(voices);
  const [isOpen, open] = useState(false);
  const [active, activate] = useState(-1);
  const [search, setSearch] = useState('');
  const found = useFound(isOpen ? search : '', known?.voices ?? []);
  const shown = line.voiceName ?? line.voice;
  const hasList = isOpen && found.length > 0;

  const close = () => {
    open(false);
    activate(-1);
    setSearch('');
  };
  const choose = (voice: VoiceView) => {
    close();
    editLine(line.key, { voice: voice.id, voiceName: voice.name });
    if (known?.any_name === false) void callByName(line.key, voice);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && found.length > 0) {
      event.preventDefault();
      open(true);
      activate(isOpen ? (active + step + found.length) % found.length : 0);
    } else if (event.key === 'Enter' && isOpen) {
      event.preventDefault();
      const voice = found[active];
      if (voice === undefined) close();
      else choose(voice);
    } else if (event.key === 'Escape' && isOpen) {
      event.stopPropagation();
      close();
    }
  };
  return html`
    <div class="voice">
      <label class="hidden" for=${id}>${label}</label>
      <div class="voice-field">
        <input id=${id} type="text" role="combobox" autocomplete="off" spellcheck=${false} maxlength="200"
          aria-expanded=${hasList} aria-controls=${`${id}-list`} aria-autocomplete="list"
          aria-activedescendant=${active >= 0 && hasList ? `${id}-${active}` : undefined}
          placeholder=${usualVoice()} value=${shown}
          onClick=${() => open(true)} onKeyDown=${onKeyDown} onBlur=${close}
          onInput=${(event: Event) => {
            open(true);
            activate(-1);
            setSearch(typedIn(event));
            editLine(line.key, { voice: typedIn(event), voiceName: undefined });
          }} />
        ${hasList ? html`<${List} id=${id} label=${label} found=${found} active=${active} onChoose=${choose} />` : null}
      </div>
      <${Listen} id=${line.voice.trim() || usualVoice()} name=${shown.trim() || usualVoice()} />
    </div>`;
}

interface ListProps {
  id: string;
  label: string;
  found: readonly VoiceView[];
  active: number;
  onChoose: (voice: VoiceView) => void;
}

function List({ id, label, found, active, onChoose }: ListProps) {
  const now = useStore(heard);
  useEffect(() => document.getElementById(`${id}-${active}`)?.scrollIntoView({ block: 'nearest' }), [active]);
  // The field keeps the focus, and what is played is a short cut: beside the field is a button for all.
  return html`
    <ul id=${`${id}-list`} role="listbox" aria-label=${label} class="voice-list"
      onMouseDown=${(event: Event) => event.preventDefault()}>
      ${found.map(
        (voice, at) => html`
          <li key=${voice.id} id=${`${id}-${at}`} role="option" aria-selected=${at === active}
            class=${at === active ? 'active' : ''} onClick=${() => onChoose(voice)}>
            ${
              voice.preview
                ? html`
                  <span class="voice-play" aria-hidden="true" onClick=${(event: Event) => {
                    event.stopPropagation();
                    void toggleSample(voice.id);
                  }}>${now?.id === voice.id ? '■' : '▶'}</span>`
                : html`<span class="voice-play"></span>`
            }
            <span class="voice-name">${voice.name}</span>
            <span class="muted small">${wordsOf(voice)}</span>
          </li>`,
      )}
    </ul>`;
}

function Listen({ id, name }: { id: string; name: string }) {
  const now = useStore(heard);
  const isHeard = now?.id === id;
  useEffect(() => stopSample, []);
  return html`
    <button type="button" class="icon-button" aria-label=${isHeard ? `Stop ${name}` : `Listen to ${name}`}
      title=${`Listen to ${name}`} onClick=${() => void toggleSample(id)}>${isHeard ? (now.isLoading ? '…' : '■') : '▶'}</button>`;
}

/** What the service finds for `search`, a moment after the last key. */
function useFound(search: string, first: readonly VoiceView[]): readonly VoiceView[] {
  const [found, find] = useState<{ search: string; voices: readonly VoiceView[] } | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => {
    if (search.trim() === '') return;
    const stop = new AbortController();
    const read = () =>
      readVoices(search.trim(), stop.signal).then(
        (answer) => find({ search, voices: answer.voices }),
        // Without a list, a name can be typed.
        () => {},
      );
    timer.current = setTimeout(read, PAUSE_MS);
    return () => {
      clearTimeout(timer.current);
      stop.abort();
    };
  }, [search]);
  return search.trim() === '' ? first : (found?.voices ?? first.filter((voice) => matches(voice, search)));
}

function matches({ name, labels }: VoiceView, search: string): boolean {
  const wanted = search.trim().toLowerCase();
  return [name, ...labels].some((text) => text.toLowerCase().includes(wanted));
}

/** File names show what a line calls its voice: the name, if no other voice has it. */
async function callByName(key: string, { id, name }: VoiceView): Promise<void> {
  const { voices: alike } = await readVoices(name).catch(() => ({ voices: [] as readonly VoiceView[] }));
  const same = alike.filter((voice) => voice.name.toLowerCase() === name.toLowerCase());
  // Another one may have been chosen meanwhile.
  const isStill = draft.get().lines.some((line) => line.key === key && line.voice === id);
  if (isStill && same.length === 1 && same[0]?.id === id)
    editLine(key, { voice: name, voiceName: undefined });
}

function wordsOf({ description, language, labels }: VoiceView): string {
  return [...new Set([language, ...labels])].filter(Boolean).join(', ') || (description ?? '');
}
