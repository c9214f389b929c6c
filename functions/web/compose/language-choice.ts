/** The language of a line, for voices that do not find it by themselves. */
import { html } from '../ui/html.ts';
import { useStore } from '../ui/store.ts';
import { typedIn } from '../ui/value.ts';
import { draft, editLine, type Line } from './draft.ts';
import { languageNote, languagesFor } from './languages.ts';
import { voices } from './voice-list.ts';

export function LanguageChoice({ line, label }: { line: Line; label: string }) {
  const provider = useStore(voices, (known) => known?.provider);
  const offered = languagesFor(line, provider);
  if (offered === undefined) return null;
  return html`
    <select class="line-language" aria-label=${label} value=${line.language}
      onChange=${(event: Event) => editLine(line.key, { language: typedIn(event) })}>
      ${offered.map(({ code, name }) => html`<option key=${code} value=${code}>${name}</option>`)}
    </select>`;
}

export function LanguageNote() {
  const provider = useStore(voices, (known) => known?.provider);
  const lines = useStore(draft, (now) => now.lines);
  const note = languageNote(lines, provider);
  return note === null ? null : html`<p class="muted small">${note}</p>`;
}
