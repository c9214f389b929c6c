/** The template of file names, with an example that follows it. */
import { useRef } from 'preact/hooks';
import { html } from '../ui/html.ts';
import { useStore } from '../ui/store.ts';
import { typedIn } from '../ui/value.ts';
import { draft, edit } from './draft.ts';
import { exampleName, templateValues } from './file-names.ts';
import { Mistakes } from './mistake-list.ts';
import { usualVoice } from './voice-list.ts';

export function FileName() {
  const fileName = useStore(draft, (now) => now.fileName);
  const example = useStore(draft, (now) => exampleName(now, usualVoice()));
  // Drawn again when there are others.
  useStore(draft, (now) =>
    templateValues(now)
      .map(({ token }) => token)
      .join(),
  );
  const field = useRef<HTMLInputElement>(null);
  const insert = (token: string) => {
    const { fileName } = draft.get();
    const [from, to] = [
      field.current?.selectionStart ?? fileName.length,
      field.current?.selectionEnd ?? fileName.length,
    ];
    const before = fileName.slice(0, from);
    const joint = before === '' || /[-_ .]$/.test(before) ? '' : '-';
    edit({ fileName: `${before}${joint}${token}${fileName.slice(to)}` });
    const at = from + joint.length + token.length;
    requestAnimationFrame(() => {
      field.current?.focus();
      field.current?.setSelectionRange(at, at);
    });
  };
  return html`
    <div class="stack file-name">
      <label class="field">
        <span>File names</span>
        <input ref=${field} type="text" maxlength="200" spellcheck=${false} placeholder="Number, clips and id" value=${fileName}
          aria-describedby="file-name-example" onInput=${(event: Event) => edit({ fileName: typedIn(event) })} />
      </label>
      <${Mistakes} at="fileName" />
      <p id="file-name-example" class="small muted">Such as <code>${example}</code></p>
      <details>
        <summary class="small">Put in names and numbers</summary>
        <div class="row tokens">
          ${templateValues(draft.get()).map(
            ({ token, about }) => html`
              <button type="button" key=${token} class="button tight token" title=${`Puts in ${about}`}
                onClick=${() => insert(token)}>${token}</button>`,
          )}
        </div>
      </details>
    </div>`;
}
