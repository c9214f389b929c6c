/** One task: how far it is, and all its videos. */
import { useEffect, useMemo } from 'preact/hooks';
import { ServiceError } from '../../client/client.ts';
import type { StatusView } from '../../model/answers/task.ts';
import { messageOf } from '../service.ts';
import { statusTag } from '../task-status.ts';
import { html } from '../ui/html.ts';
import { Notice } from '../ui/notice.ts';
import { addressOf } from '../ui/place.ts';
import { useStore } from '../ui/store.ts';
import { useFollowed } from './follow.ts';
import { Head } from './head.ts';
import { useAccess } from './links.ts';
import { starStore } from './stars.ts';
import { Videos } from './videos.ts';

export function Task({ taskId }: { taskId: string }) {
  const store = useFollowed(taskId);
  const { status, videos, isListed, isAway, error } = useStore(store);
  const stars = useStore(starStore(taskId));
  const token = useAccess(taskId, status !== null);
  useTitle(status);
  const starred = useMemo(
    () =>
      videos
        .filter(({ index, status: how }) => how === 'succeeded' && stars.has(index))
        .map(({ index }) => index),
    [videos, stars],
  );
  if (isGone(error)) return html`<${Gone} />`;
  if (error !== undefined && status === null)
    return html`
      <section class="card stack">
        <h1>Task</h1>
        <${Notice} kind="bad">${messageOf(error)}<//>
        <p><a href=${addressOf({ view: 'tasks' })}>See all tasks</a></p>
      </section>`;
  if (status === null)
    return html`
      <section class="card stack">
        <h1>Task</h1>
        <p class="muted" role="status">${isAway ? 'The service does not answer; trying again.' : 'Loading …'}</p>
      </section>`;
  const heard = (next: StatusView) => store.set((now) => ({ ...now, status: next }));
  return html`
    <div class="stack watch">
      <${Head} status=${status} token=${token} isAway=${isAway} starred=${starred} onStatus=${heard} />
      ${error === undefined ? null : html`<${Notice} kind="bad">${messageOf(error)}<//>`}
      <${Videos} taskId=${taskId} videos=${videos} isListed=${isListed} token=${token} stars=${stars} />
    </div>`;
}

function isGone(error: unknown): boolean {
  return ServiceError.is(error) && error.status === 404;
}

function Gone() {
  return html`
    <section class="card stack">
      <h1>This task is not there any more</h1>
      <p>It was deleted, its time is over, or its address is not whole. Finished videos stay in their folder.</p>
      <p><a class="button primary" href=${addressOf({ view: 'tasks' })}>See all tasks</a></p>
    </section>`;
}

/** What the tab of the browser shows, so that it can be seen from another one. */
function useTitle(status: StatusView | null): void {
  const title = status === null ? null : `${progressOf(status)} · ${status.task_name}`;
  useEffect(() => {
    if (title !== null) document.title = title;
  }, [title]);
}

function progressOf({ completed_at, status, succeeded, combinations }: StatusView): string {
  return completed_at === null ? `${succeeded} of ${combinations}` : statusTag(status).text;
}
