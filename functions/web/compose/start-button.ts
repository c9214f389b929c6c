/** The button that starts the task, and why it cannot, or what it waits for. */
import { count, size } from '../ui/format.ts';
import { html } from '../ui/html.ts';
import { useStore } from '../ui/store.ts';
import { draft } from './draft.ts';
import { plan } from './plan.ts';
import { type Readiness, readinessOf } from './readiness.ts';
import { start, starting, waitNoMore } from './start.ts';

export function StartButton({ videos }: { videos: number }) {
  const { state, problem } = useStore(starting);
  const readiness = readinessOf(useStore(draft));
  const hasMistakes = useStore(plan, ({ mistakes }) => mistakes.length > 0);
  const isLacking = readiness.state === 'lacking' || hasMistakes;
  const reason = state === 'sending' ? null : reasonOf(readiness, state === 'waiting', hasMistakes);
  return html`
    <div class="summary-start">
      ${
        state === 'waiting'
          ? html`<button type="button" class="button" onClick=${waitNoMore}>Do not start</button>`
          : html`
            <button type="button" class="button primary" disabled=${isLacking || state === 'sending'}
              aria-describedby="start-reason" onClick=${start}>
              ${state === 'sending' ? 'Starting …' : videos === 0 ? 'Make videos' : `Make ${count(videos, 'video')}`}
            </button>`
      }
      <p id="start-reason" class="small muted start-reason" role="status">${reason}</p>
      ${problem === null ? null : html`<p class="mistakes" role="alert">${problem}</p>`}
    </div>`;
}

function reasonOf(readiness: Readiness, isWaiting: boolean, hasMistakes: boolean): string | null {
  if (readiness.state === 'lacking') return readiness.reason;
  if (hasMistakes) return 'Mend what is marked first.';
  if (readiness.state === 'ready') return null;
  const { files, bytes } = readiness;
  const uploads = `${count(files, 'upload')} (${size(bytes)})`;
  return isWaiting ? `Starts by itself after ${uploads}.` : `Waits for ${uploads}, then starts by itself.`;
}
