/** How far a task is, by its stages. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { StatusView } from '../../model/answers/task.ts';
import { statusTag } from '../task-status.ts';
import { count, duration, whole } from '../ui/format.ts';
import { html } from '../ui/html.ts';

/** How often the progress is read out. */
const SPOKEN_MS = 20_000;
const TICK_MS = 1_000;

/** While it goes on; ended, figures say it all. */
export function Progress({ status }: { status: StatusView }) {
  const { prepared, sources, combinations, succeeded, pending } = status;
  const ended = combinations - pending;
  if (status.completed_at !== null) return html`<${Spoken} status=${status} />`;
  return html`
    <div class="watch-bars">
      <${Bar} name="Clips, music and lines" done=${prepared} ended=${prepared} all=${sources}
        said=${`${whole(prepared)} of ${whole(sources)} ready`} />
      <${Bar} name="Videos" done=${succeeded} ended=${ended} all=${combinations}
        said=${`${whole(ended)} of ${whole(combinations)} done`} />
    </div>
    <${Spoken} status=${status} />`;
}

interface BarProps {
  name: string;
  /** Of `ended`, those that are as they should be. */
  done: number;
  ended: number;
  all: number;
  said: string;
}

function Bar({ name, done, ended, all, said }: BarProps) {
  const share = (part: number) => `${all === 0 ? 0 : (part / all) * 100}%`;
  return html`
    <div>
      <p class="watch-bar-head"><span>${name}</span><span class="muted">${said}</span></p>
      <div class="bar watch-bar" role="progressbar" aria-label=${name} aria-valuemin="0" aria-valuemax=${all} aria-valuenow=${ended}
        aria-valuetext=${said}><i style=${{ width: share(done) }}></i><i class="bad" style=${{ width: share(ended - done) }}></i></div>
    </div>`;
}

/** Entries of a list of facts. */
export function Figures({ status }: { status: StatusView }) {
  const { succeeded, failed, cancelled, eta_seconds: eta, completed_at: end } = status;
  const elapsed = useElapsed(status);
  return html`
      <div><dt>Finished</dt><dd>${whole(succeeded)}</dd></div>
      ${failed > 0 ? html`<div class="watch-bad"><dt>Failed</dt><dd>${whole(failed)}</dd></div>` : null}
      ${cancelled > 0 ? html`<div><dt>Cancelled</dt><dd>${whole(cancelled)}</dd></div>` : null}
      <div><dt>${end === null ? 'Running for' : 'Took'}</dt><dd>${duration(elapsed)}</dd></div>
      ${end === null && eta !== null ? html`<div><dt>Time left</dt><dd>about ${duration(eta)}</dd></div>` : null}`;
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
      `${statusTag(status.status).text}: ${count(status.succeeded, 'video')} of ${status.combinations} finished.`,
    );
  }, [status]);
  return html`<p class="hidden" role="status">${said}</p>`;
}
