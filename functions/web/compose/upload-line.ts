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
      return upload.problem === undefined
        ? html`<${Bar} name=${name} percent=${0} />`
        : html`<p class="clip-upload muted">Trying again: ${upload.problem}</p>`;
    case 'sending':
      return html`<${Bar} name=${name} percent=${Math.floor((100 * upload.sentBytes) / Math.max(1, bytes))} />`;
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

/** At the edge of the card, so that the card stays as high as it is. */
function Bar({ name, percent }: { name: string; percent: number }) {
  return html`
    <div class="bar clip-bar" role="progressbar" aria-label=${`Sending ${name}`} aria-valuenow=${percent}>
      <i style=${{ width: `${percent}%` }}></i>
    </div>`;
}
