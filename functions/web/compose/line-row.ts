/** One spoken line: its text, its voice, and what few lines need. */
import { useState } from 'preact/hooks';
import { html } from '../ui/html.ts';
import { memo } from '../ui/memo.ts';
import { typedIn } from '../ui/value.ts';
import { draft, edit, editLine, type Line, newLine } from './draft.ts';
import { LanguageChoice } from './language-choice.ts';
import { Mistakes } from './mistake-list.ts';
import { takeOutLine } from './removal.ts';
import { VoiceBox } from './voice-box.ts';

/** Id of the button below the lines. */
export const ADD_LINE = 'add-line';
/** Characters that one line may have. */
const MOST = 5_000;
const SPEED = { least: 0.7, most: 1.2 };

export interface LineRowProps {
  line: Line;
  /** From 1. */
  number: number;
  isLast: boolean;
}

export const LineRow = memo(function LineRow({ line, number, isLast }: LineRowProps) {
  const [isMore, more] = useState(line.speed !== null || line.language !== '' || line.group !== '');
  const { key, text } = line;
  const name = `line ${number}`;
  return html`
    <li class="line">
      <span class="line-number" aria-hidden="true">${number}</span>
      <div class="line-text">
        <label class="hidden" for=${`text-${key}`}>Text of ${name}</label>
        <textarea id=${`text-${key}`} rows=${rowsOf(text)} maxlength=${MOST} value=${text}
          placeholder="What the voice says" onPaste=${(event: ClipboardEvent) => pasted(event, line)}
          onInput=${(event: Event) => editLine(key, { text: typedIn(event) })}></textarea>
        <${Mistakes} at=${`line:${key}`} />
      </div>
      <div class="line-voice">
        <${VoiceBox} line=${line} label=${`Voice of ${name}`} />
        <${LanguageChoice} line=${line} label=${`Language of ${name}`} />
      </div>
      <div class="line-buttons">
        <button type="button" class="icon-button" aria-label=${`Move ${name} up`} disabled=${number === 1}
          onClick=${(event: Event) => move(key, -1, event)}>↑</button>
        <button type="button" class="icon-button" aria-label=${`Move ${name} down`} disabled=${isLast}
          onClick=${(event: Event) => move(key, 1, event)}>↓</button>
        <button type="button" class="icon-button" aria-label=${`Speed, language and group of ${name}`} aria-expanded=${isMore}
          onClick=${() => more(!isMore)}>⋯</button>
        <button type="button" class="icon-button" aria-label=${`Remove ${name}`} onClick=${() => remove(key)}>✕</button>
      </div>
      ${isMore ? html`<${More} line=${line} />` : null}
    </li>`;
});

function More({ line: { key, speed, language, group } }: { line: Line }) {
  return html`
    <div class="line-more">
      <label class="field">
        <span>Speed</span>
        <input type="number" min=${SPEED.least} max=${SPEED.most} step="0.05" placeholder="as the voice is" value=${speed ?? ''}
          onChange=${(event: Event) => editLine(key, { speed: speedOf(typedIn(event)) })} />
      </label>
      <label class="field">
        <span>Language</span>
        <input type="text" maxlength="35" placeholder="such as en or pt-BR" value=${language} autocapitalize="none" spellcheck=${false}
          onChange=${(event: Event) => editLine(key, { language: typedIn(event).trim() })} />
      </label>
      <label class="field">
        <span>Group (a folder)</span>
        <input type="text" maxlength="40" placeholder="such as English" value=${group}
          onChange=${(event: Event) => editLine(key, { group: typedIn(event).trim() })} />
      </label>
    </div>`;
}

function speedOf(text: string): number | null {
  const speed = Number.parseFloat(text);
  return Number.isNaN(speed) ? null : Math.min(SPEED.most, Math.max(SPEED.least, speed));
}

/** Several rows of text become several lines, if this one is empty. */
function pasted(event: ClipboardEvent, line: Line): void {
  const texts = textsIn(event.clipboardData?.getData('text/plain') ?? '');
  if (line.text.trim() !== '' || texts.length < 2) return;
  event.preventDefault();
  edit(({ lines }) => ({
    lines: lines.flatMap((one) => {
      if (one.key !== line.key) return [one];
      const [first = '', ...others] = texts;
      return [{ ...one, text: first }, ...others.map((text) => newLine(text, one))];
    }),
  }));
}

/** One line each. */
export function textsIn(text: string): string[] {
  return text
    .split(/\r?\n|\r/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function move(key: string, by: -1 | 1, { currentTarget }: Event): void {
  const lines = [...draft.get().lines];
  const from = lines.findIndex((line) => line.key === key);
  const [line] = lines.splice(from, 1);
  if (line !== undefined) lines.splice(from + by, 0, line);
  edit({ lines });
  // A row that is moved loses the focus, and so does a button that cannot be pressed any more.
  setTimeout(() => {
    const button = currentTarget as HTMLButtonElement;
    (button.disabled ? document.getElementById(`text-${key}`) : button)?.focus();
  });
}

function remove(key: string): void {
  const { lines } = draft.get();
  const at = lines.findIndex((line) => line.key === key);
  const next = lines[at + 1] ?? lines[at - 1];
  takeOutLine(key);
  setTimeout(() => document.getElementById(next === undefined ? ADD_LINE : `text-${next.key}`)?.focus());
}

/** For browsers whose fields do not grow by themselves. */
function rowsOf(text: string): number {
  const rows = text.split('\n').reduce((sum, row) => sum + 1 + Math.floor(row.length / 60), 0);
  return Math.min(8, Math.max(2, rows));
}
