/** How far all files are, in one line. */
import { count, size } from '../ui/format.ts';
import { html } from '../ui/html.ts';
import { useStore } from '../ui/store.ts';
import { type Draft, draft } from './draft.ts';
import { isOnItsWay } from './uploads.ts';

export function UploadTotal() {
  const text = useStore(draft, pendingText);
  const failed = useStore(draft, failedText);
  const left = useStore(draft, leftText);
  return html`
    <div class="upload-total muted small">
      <p role="status">${text}</p>
      <p role="status" class=${failed === '' ? '' : 'tag bad'}>${failed}</p>
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
  const pending = sourcesOf(now).filter(({ upload }) => isOnItsWay(upload)).length;
  return pending === 0 ? '' : `Sending ${count(pending, 'file')}`;
}

function failedText(now: Draft): string {
  const failed = sourcesOf(now).filter(({ upload }) => upload.state === 'failed').length;
  return failed === 0 ? '' : `${count(failed, 'file')} not sent`;
}

function leftText(now: Draft): string {
  let left = 0;
  for (const { upload, bytes } of sourcesOf(now)) {
    if (upload.state === 'waiting') left += bytes;
    else if (upload.state === 'sending') left += bytes - upload.sentBytes;
  }
  return left === 0 ? '' : `${size(left)} left`;
}
