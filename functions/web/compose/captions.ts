/** Whether the spoken words can be read, and how those look that are burned in. */
import { CAPTION_FONTS } from '../../model/captions.ts';
import { html } from '../ui/html.ts';
import { useStore } from '../ui/store.ts';
import { isChecked, typedIn } from '../ui/value.ts';
import { CaptionPreview } from './caption-preview.ts';
import { type CaptionChoices, draft, edit, NO_CAPTIONS } from './draft.ts';
import { Mistakes } from './mistake-list.ts';
import { Remarks } from './remark-list.ts';
import { spokenLines } from './request.ts';

const MODES: readonly { mode: CaptionChoices['mode']; text: string; about: string }[] = [
  { mode: 'none', text: 'Off', about: '' },
  { mode: 'burn', text: 'Burned in', about: 'The words are drawn into the picture.' },
  { mode: 'srt', text: 'Files', about: 'A file (.srt) beside each video, to upload with it.' },
  { mode: 'track', text: 'Track', about: 'In the video, for players that show it: platforms drop it.' },
];

export function Captions() {
  const captions = useStore(draft, (now) => now.captions);
  const hasLines = useStore(draft, (now) => spokenLines(now).length > 0);
  const { mode } = captions;
  const about = MODES.find((one) => one.mode === mode)?.about;
  return html`
    <section class="card" aria-labelledby="captions-title">
      <div class="card-head">
        <h2 id="captions-title">Captions</h2>
        <p class="muted small">${hasLines ? 'The spoken words, to be read.' : 'They show the spoken lines: add a line first.'}</p>
      </div>
      <div class="stack">
        <fieldset>
          <legend class="hidden">Captions</legend>
          <div class="segments">
            ${MODES.map(
              (option) => html`
                <label key=${option.mode} class="segment">
                  <input type="radio" name="captions" checked=${mode === option.mode}
                    onChange=${() => change({ mode: option.mode })} />
                  <span>${option.text}</span>
                </label>`,
            )}
          </div>
        </fieldset>
        ${about === '' ? null : html`<p class="small muted">${about}</p>`}
        <${Mistakes} at="captions" />
        ${mode === 'none' ? null : html`<${Remarks} place="captions" />`}
        ${mode === 'burn' ? html`<${Burned} captions=${captions} />` : null}
      </div>
    </section>`;
}

function change(changes: Partial<CaptionChoices>): void {
  edit(({ captions }) => ({ captions: { ...captions, ...changes } }));
}

function Burned({ captions }: { captions: CaptionChoices }) {
  const { font, size, colour, highlight, position, wordsPerLine, upperCase } = captions;
  return html`
    <div class="burned">
      <div class="stack burned-fields">
        <label class="field">
          <span>Font</span>
          <select value=${font} onChange=${(event: Event) => change({ font: typedIn(event) })}>
            ${CAPTION_FONTS.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}
          </select>
        </label>
        <label class="field">
          <span>Size: ${size} %</span>
          <input type="range" min="4" max="20" step="0.5" value=${size} aria-valuetext=${`${size} percent of the shorter side`}
            onInput=${(event: Event) => change({ size: Number(typedIn(event)) })} />
        </label>
        <label class="field">
          <span>Words at a time: ${wordsPerLine}</span>
          <input type="range" min="1" max="12" step="1" value=${wordsPerLine}
            onInput=${(event: Event) => change({ wordsPerLine: Number(typedIn(event)) })} />
        </label>
        <div class="row">
          <label class="colour">
            <input type="color" value=${colour} onInput=${(event: Event) => change({ colour: typedIn(event) })} />
            <span>Letters</span>
          </label>
          <label class="colour">
            <input type="color" value=${highlight ?? colour} disabled=${highlight === null}
              onInput=${(event: Event) => change({ highlight: typedIn(event) })} />
            <span>Spoken word</span>
          </label>
        </div>
        <label class="check">
          <input type="checkbox" checked=${highlight !== null}
            onChange=${(event: Event) => change({ highlight: isChecked(event) ? NO_CAPTIONS.highlight : null })} />
          <span>The spoken word stands out</span>
        </label>
        <label class="check">
          <input type="checkbox" checked=${upperCase} onChange=${(event: Event) => change({ upperCase: isChecked(event) })} />
          <span>Capitals</span>
        </label>
        <fieldset>
          <legend>Position</legend>
          <div class="segments">
            ${(['top', 'middle', 'bottom'] as const).map(
              (option) => html`
                <label key=${option} class="segment">
                  <input type="radio" name="position" checked=${position === option} onChange=${() => change({ position: option })} />
                  <span>${option.charAt(0).toUpperCase()}${option.slice(1)}</span>
                </label>`,
            )}
          </div>
        </fieldset>
      </div>
      <${CaptionPreview} />
    </div>`;
}
