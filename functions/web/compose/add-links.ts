/** Asks for links to clips that are on the web, on Google Drive or in Cloud Storage. */
import { useState } from 'preact/hooks';
import { Dialog } from '../ui/dialog.ts';
import { html } from '../ui/html.ts';
import { Notice } from '../ui/notice.ts';
import { addLinks } from './intake.ts';
import { readLinks, WEB_START } from './links.ts';

export function AddLinks({ list, name, onClose }: { list: string; name: string; onClose: () => void }) {
  const [text, type] = useState('');
  const [mistakes, told] = useState<readonly string[]>([]);
  const send = (event: Event) => {
    event.preventDefault();
    const wrong = readLinks(text).mistakes;
    if (wrong.length > 0) return told(wrong);
    addLinks(list, text);
    onClose();
  };
  return html`
    <${Dialog} title=${`Links for ${name}`} onClose=${onClose}>
      <form class="stack" onSubmit=${send}>
        <label class="field">
          <span>One link per line</span>
          <textarea rows="7" required spellcheck=${false} placeholder=${`${WEB_START}example.com/hook-a.mp4`} value=${text}
            onInput=${(event: InputEvent) => type((event.target as HTMLTextAreaElement).value)}></textarea>
        </label>
        <p class="muted small">
          Links to the files themselves, Google Drive links that anyone may open, or gs:// addresses that the service may read.
        </p>
        ${mistakes.length > 0 ? html`<${Notice} kind="bad">${mistakes.join('\n')}<//>` : null}
        <div class="row dialog-buttons">
          <button type="button" class="button" onClick=${onClose}>Cancel</button>
          <button type="submit" class="button primary">Add links</button>
        </div>
      </form>
    <//>`;
}
