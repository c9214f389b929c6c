/** What is spoken over the videos. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { Dialog } from '../ui/dialog.ts';
import { count } from '../ui/format.ts';
import { useGradually } from '../ui/gradually.ts';
import { html } from '../ui/html.ts';
import { useStore } from '../ui/store.ts';
import { typedIn } from '../ui/value.ts';
import { draft, edit, newLine } from './draft.ts';
import { LanguageNote } from './language-choice.ts';
import { ADD_LINE, LineRow, textsIn } from './line-row.ts';
import { Mistakes } from './mistake-list.ts';
import { ModeChoice } from './mode-choice.ts';
import { Remarks } from './remark-list.ts';
import { loadVoices, voices } from './voice-list.ts';

/** Lines that are drawn at a time. */
const AT_A_TIME = 30;

export function Lines() {
  const lines = useStore(draft, (now) => now.lines);
  const mode = useStore(draft, (now) => now.linesMode);
  const [isPasting, paste] = useState(false);
  const list = useRef<HTMLOListElement>(null);
  const hasLines = lines.length > 0;
  const shown = useGradually(lines.length, AT_A_TIME);
  useEffect(() => {
    if (hasLines) void loadVoices();
  }, [hasLines]);

  const add = () => {
    edit({ lines: [...lines, newLine('', lines.at(-1) && { ...(lines.at(-1) as (typeof lines)[0]) })] });
    // Once it is drawn.
    setTimeout(() => list.current?.querySelector<HTMLElement>('li:last-child textarea')?.focus());
  };
  const characters = lines.reduce((sum, { text }) => sum + text.trim().length, 0);
  return html`
    <section class="card" aria-labelledby="lines-title">
      <div class="card-head">
        <h2 id="lines-title">Spoken lines</h2>
        <p class="muted small">${
          hasLines
            ? `${count(lines.length, 'line')}, ${count(characters, 'character')}`
            : 'Optional. A voice reads one over each video.'
        }</p>
      </div>
      <div class="stack">
        ${
          hasLines
            ? html`
              <ol class="lines" ref=${list}>
                ${lines
                  .slice(0, shown)
                  .map(
                    (line, at) =>
                      html`<${LineRow} key=${line.key} line=${line} number=${at + 1} isLast=${at === lines.length - 1} />`,
                  )}
              </ol>`
            : null
        }
        <div class="row">
          <button type="button" id=${ADD_LINE} class="button" onClick=${add}>Add a line</button>
          <button type="button" class="button quiet" onClick=${() => paste(true)}>Paste several</button>
        </div>
        ${
          lines.length > 1
            ? html`
              <${ModeChoice} legend="Each video gets" value=${mode} onChange=${(linesMode: typeof mode) => edit({ linesMode })}
                random="one of the lines, by chance" each="every line: a video for each" />`
            : null
        }
        <${Mistakes} at="linesMode" />
        ${hasLines ? html`<${LanguageNote} /><${Remarks} place="lines" /><${NoList} />` : null}
      </div>
      ${isPasting ? html`<${PasteDialog} onClose=${() => paste(false)} />` : null}
    </section>`;
}

/** Why there is nothing to choose a voice from. */
function NoList() {
  const note = useStore(voices, (known) => (known?.voices.length === 0 ? known.note : null));
  return note === null ? null : html`<p class="muted small">${note}</p>`;
}

function PasteDialog({ onClose }: { onClose: () => void }) {
  const [typed, type] = useState('');
  const texts = textsIn(typed);
  const add = (event: Event) => {
    event.preventDefault();
    edit(({ lines }) => ({
      lines: [
        ...lines.filter(({ text }) => text.trim() !== ''),
        ...texts.map((text) => newLine(text, lines.at(-1))),
      ],
    }));
    onClose();
  };
  return html`
    <${Dialog} title="Paste several lines" onClose=${onClose}>
      <form class="stack" onSubmit=${add}>
        <label class="field">
          <span>One line of text for each spoken line</span>
          <textarea rows="8" value=${typed} onInput=${(event: Event) => type(typedIn(event))}></textarea>
        </label>
        <button type="submit" class="button primary" disabled=${texts.length === 0}>
          ${texts.length === 0 ? 'Add lines' : `Add ${count(texts.length, 'line')}`}
        </button>
      </form>
    <//>`;
}
