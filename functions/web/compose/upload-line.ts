/** How far the file of a clip is on its way to the service. */
import { html } from '../ui/html.ts';
import type { Clip } from './draft.ts';
import { retryUpload } from './uploads.ts';

export function UploadLine({ clip }: { clip: Clip }) {
  const { source, name } = clip;
  if (source.kind === 'link') return null;
  const { upload, bytes } = source;
  switch (upload.state) {
    case 'waiting':
      return html`<p class="clip-upload muted">${upload.problem ? `Trying again: ${upload.problem}` : 'Waits to be sent'}</p>`;
    case 'sending': {
      const percent = Math.floor((100 * upload.sentBytes) / Math.max(1, bytes));
      return html`
        <div class="clip-upload">
          <div class="bar" role="progressbar" aria-label=${`Sending ${name}`} aria-valuenow=${percent}>
            <i style=${{ width: `${percent}%` }}></i>
          </div>
        </div>`;
    }
    case 'failed':
      return html`
        <div class="clip-upload clip-failed">
          <p>${upload.message}</p>
          ${
            source.file === null
              ? null
              : html`<button type="button" class="button tight" onClick=${() => retryUpload(clip)}>Send again<span class="hidden"> ${name}</span></button>`
          }
        </div>`;
    case 'done':
      return null;
  }
}
