/** How far all files are, in one line. */
import { count, size } from '../ui/format.ts';
import { html } from '../ui/html.ts';
import { useStore } from '../ui/store.ts';
import { type Draft, draft } from './draft.ts';
import { isOnItsWay } from './uploads.ts';

export function UploadTotal() {
  const text = useStore(draft, pendingText);
  const left = useStore(draft, leftText);
  return html`
    <div class="upload-total muted small">
      <p role="status">${text}</p>
      ${left === '' ? null : html`<p aria-hidden="true">${left}</p>`}
    </div>`;
}

function sourcesOf({ blocks, tracks }: Draft) {
  return [...blocks.flatMap(({ clips }) => clips), ...tracks].flatMap(({ source }) =>
    source.kind === 'file' ? [source] : [],
  );
}

/** Changes with whole files only, as it is read out. */
function pendingText(now: Draft): string {
  const sources = sourcesOf(now);
  const pending = sources.filter(({ upload }) => isOnItsWay(upload)).length;
  const failed = sources.filter(({ upload }) => upload.state === 'failed').length;
  return [
    pending > 0 ? `Sending ${count(pending, 'file')}` : '',
    failed > 0 ? `${count(failed, 'file')} not sent` : '',
  ]
    .filter(Boolean)
    .join(', ');
}

function leftText(now: Draft): string {
  let left = 0;
  for (const { upload, bytes } of sourcesOf(now)) {
    if (upload.state === 'waiting') left += bytes;
    else if (upload.state === 'sending') left += bytes - upload.sentBytes;
  }
  return left === 0 ? '' : `${size(left)} left`;
}
