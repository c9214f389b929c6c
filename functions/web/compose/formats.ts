/** The shapes that videos are made in, how clips fill them, and what the files are called. */
import { html } from '../ui/html.ts';
import { useStore } from '../ui/store.ts';
import { isChecked } from '../ui/value.ts';
import { type Draft, draft, edit } from './draft.ts';
import { FileName } from './file-name.ts';
import { Mistakes } from './mistake-list.ts';

const FORMATS = [
  { name: '9x16', size: '1080 × 1920', about: 'Reels, TikTok, Shorts' },
  { name: '4x5', size: '1080 × 1350', about: 'Feed' },
  { name: '1x1', size: '1080 × 1080', about: 'Feed, carousel' },
  { name: '16x9', size: '1920 × 1080', about: 'YouTube' },
] as const;

const FITS: readonly { fit: Draft['fit']; text: string }[] = [
  { fit: 'contain', text: 'Whole, with bars' },
  { fit: 'cover', text: 'Fill, and crop' },
  { fit: 'blur', text: 'Whole, on a blur' },
];

const TARGETS = [
  { target: 'reels', text: 'Reels' },
  { target: 'tiktok', text: 'TikTok' },
  { target: 'shorts', text: 'Shorts' },
  { target: 'demand_gen', text: 'Demand Gen' },
] as const;

export function Formats() {
  const formats = useStore(draft, (now) => now.formats);
  const fit = useStore(draft, (now) => now.fit);
  const targets = useStore(draft, (now) => now.targets);
  const cover = useStore(draft, (now) => now.cover);
  return html`
    <section class="card" aria-labelledby="formats-title">
      <div class="card-head">
        <h2 id="formats-title">Formats and files</h2>
        <p class="muted small">${
          formats.length === 0
            ? 'None: as large as the first clip.'
            : 'One or several: each combination is made in each.'
        }</p>
      </div>
      <div class="stack">
        <div role="group" aria-label="Formats" class="formats">
          ${FORMATS.map(
            ({ name, size, about }) => html`
              <button type="button" key=${name} class="format" aria-pressed=${formats.includes(name)}
                onClick=${() => edit({ formats: toggled(formats, name) })}>
                <span class="format-shape"><i class=${`shape-${name}`}></i></span>
                <strong>${name.replace('x', ':')}</strong>
                <span class="small">${size}</span>
                <span class="small muted">${about}</span>
              </button>`,
          )}
        </div>
        <${Mistakes} at="formats" />
        <fieldset>
          <legend>A clip of another shape is shown</legend>
          <div class="fits">
            ${FITS.map(
              (option) => html`
                <label key=${option.fit} class="fit">
                  <input type="radio" name="fit" checked=${fit === option.fit} onChange=${() => edit({ fit: option.fit })} />
                  <span class=${`fit-picture ${option.fit}`} aria-hidden="true"><i class="fit-clip"></i></span>
                  <span>${option.text}</span>
                </label>`,
            )}
          </div>
        </fieldset>
        <fieldset>
          <legend>Check each video for</legend>
          <div class="row chips">
            ${TARGETS.map(
              ({ target, text }) => html`
                <label key=${target} class="chip">
                  <input type="checkbox" checked=${targets.includes(target)}
                    onChange=${() => edit({ targets: toggled(targets, target) })} />
                  <span>${text}</span>
                </label>`,
            )}
          </div>
          <${Mistakes} at="targets" />
        </fieldset>
        <label class="check">
          <input type="checkbox" checked=${cover} onChange=${(event: Event) => edit({ cover: isChecked(event) })} />
          <span>Save a cover picture (JPEG) beside each video</span>
        </label>
        <${FileName} />
      </div>
    </section>`;
}

/** In the order in which they were chosen. */
function toggled(list: readonly string[], entry: string): string[] {
  return list.includes(entry) ? list.filter((one) => one !== entry) : [...list, entry];
}
