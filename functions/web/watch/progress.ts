/** How far a task is, by its stages. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { StatusView } from '../../model/answers/task.ts';
import { count, duration } from '../ui/format.ts';
import { html } from '../ui/html.ts';

/** How often the progress is read out. */
const SPOKEN_MS = 20_000;
const TICK_MS = 1_000;

export function Progress({ status }: { status: StatusView }) {
  const { prepared, sources, combinations, pending } = status;
  const ended = combinations - pending;
  const isOver = status.completed_at !== null;
  const isPrepared = isOver || status.status === 'rendering' || status.status === 'cancelling';
  return html`
    <div class="watch-progress">
      ${isOver ? null : html`<${Bar} name="Clips, music and lines" done=${prepared} all=${sources} said=${`${prepared} of ${sources} ready`} isQuiet=${isPrepared} />`}
      ${isOver ? null : html`<${Bar} name="Videos" done=${ended} all=${combinations} said=${`${ended} of ${combinations} done`} />`}
      <${Figures} status=${status} />
      <${Spoken} status=${status} />
    </div>`;
}

interface BarProps {
  name: string;
  done: number;
  all: number;
  said: string;
  isQuiet?: boolean;
}

function Bar({ name, done, all, said, isQuiet = false }: BarProps) {
  const percent = all === 0 ? 0 : Math.floor((done / all) * 100);
  return html`
    <div class=${isQuiet ? 'watch-bar quiet' : 'watch-bar'}>
      <p><span>${name}</span><span class="muted">${said}</span></p>
      <div class="bar" role="progressbar" aria-label=${name} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${percent}
        aria-valuetext=${said}><i style=${{ width: `${percent}%` }}></i></div>
    </div>`;
}

function Figures({ status }: { status: StatusView }) {
  const { succeeded, failed, cancelled, eta_seconds: eta, completed_at: end } = status;
  const elapsed = useElapsed(status);
  return html`
    <dl class="watch-figures">
      <div><dt>Finished</dt><dd>${figure(succeeded)}</dd></div>
      ${failed > 0 ? html`<div class="watch-bad"><dt>Failed</dt><dd>${figure(failed)}</dd></div>` : null}
      ${cancelled > 0 ? html`<div><dt>Cancelled</dt><dd>${figure(cancelled)}</dd></div>` : null}
      <div><dt>${end === null ? 'Running for' : 'Took'}</dt><dd>${duration(elapsed)}</dd></div>
      ${end === null && eta !== null ? html`<div><dt>Time left</dt><dd>about ${duration(eta)}</dd></div>` : null}
    </dl>`;
}

function figure(value: number): string {
  return value.toLocaleString('en');
}

/** Seconds; goes on between two answers. */
function useElapsed(status: StatusView): number {
  const heardAt = useRef({ status, at: performance.now() });
  const [, tick] = useState(0);
  if (heardAt.current.status !== status) heardAt.current = { status, at: performance.now() };
  const isOver = status.completed_at !== null;
  useEffect(() => {
    if (isOver) return undefined;
    const timer = setInterval(() => tick((ticks) => ticks + 1), TICK_MS);
    return () => clearInterval(timer);
  }, [isOver]);
  return status.elapsed_seconds + (isOver ? 0 : (performance.now() - heardAt.current.at) / 1_000);
}

/** For screen readers: now and then, and at once when the status changes. */
function Spoken({ status }: { status: StatusView }) {
  const [said, say] = useState('');
  const last = useRef({ status: '', at: 0 });
  useEffect(() => {
    const now = performance.now();
    if (status.status === last.current.status && now - last.current.at < SPOKEN_MS) return;
    last.current = { status: status.status, at: now };
    say(
      `${STATUS_WORDS[status.status].text}: ${count(status.succeeded, 'video')} of ${status.combinations} finished.`,
    );
  }, [status]);
  return html`<p class="hidden" role="status">${said}</p>`;
}

/** What people read for the status of a task, and the class of its tag. */
export const STATUS_WORDS = {
  queued: { text: 'Waiting to start', kind: '' },
  preparing: { text: 'Preparing', kind: '' },
  rendering: { text: 'Making videos', kind: '' },
  cancelling: { text: 'Cancelling', kind: 'warn' },
  completed: { text: 'Done', kind: 'ok' },
  partial: { text: 'Done, some failed', kind: 'warn' },
  failed: { text: 'Failed', kind: 'bad' },
  cancelled: { text: 'Cancelled', kind: '' },
} as const;
