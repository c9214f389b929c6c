/** One task in the list. */
import { useMemo } from 'preact/hooks';
import type { TaskEntry } from '../../model/answers/task.ts';
import { isUnderWay, statusTag } from '../task-status.ts';
import { duration, when } from '../ui/format.ts';
import { html } from '../ui/html.ts';
import { addressOf } from '../ui/place.ts';
import { starsOf } from '../watch/stars.ts';
import { doneText } from './entries.ts';

export type Action = 'cancel' | 'delete';

export interface TaskRowProps {
  entry: TaskEntry;
  /** The same function each time, or the row is drawn again. */
  onAction: (action: Action, entry: TaskEntry) => void;
}

export function TaskRow({ entry, onAction }: TaskRowProps) {
  const stars = starsOf(entry.task_id).size;
  return useMemo(() => rowOf(entry, stars, onAction), [entry, stars, onAction]);
}

function rowOf(entry: TaskEntry, stars: number, onAction: TaskRowProps['onAction']) {
  const { task_id, task_name, status, percent, created_at, completed_at } = entry;
  const { text, kind } = statusTag(status);
  const took = completed_at === null ? null : (Date.parse(completed_at) - Date.parse(created_at)) / 1_000;
  return html`
    <tr role="row" class="task-row">
      <td role="cell" class="task-name">
        <a href=${addressOf({ view: 'task', taskId: task_id })}>${task_name}</a>
        ${stars > 0 ? html`<span class="task-stars">★ ${stars}<span class="hidden"> starred</span></span>` : null}
      </td>
      <td role="cell" class="task-status"><span class=${`tag ${kind}`}>${text}</span></td>
      <td role="cell" class="task-done">
        ${
          isUnderWay(status)
            ? html`<div class="bar" role="progressbar" aria-label=${`Progress of ${task_name}`} aria-valuemin="0"
                aria-valuemax="100" aria-valuenow=${percent}><i style=${{ width: `${percent}%` }}></i></div>`
            : null
        }
        <span>${doneText(entry)}</span>
      </td>
      <td role="cell" class="task-when">
        ${when(created_at)}
        <span class="muted small">${took === null ? '' : ` · took ${duration(took)}`}</span>
      </td>
      <td role="cell" class="task-actions">${actionOf(entry, onAction)}</td>
    </tr>`;
}

function actionOf(entry: TaskEntry, onAction: TaskRowProps['onAction']) {
  if (entry.status === 'cancelling') return null;
  const action = isUnderWay(entry.status) ? 'cancel' : 'delete';
  const word = { cancel: 'Cancel', delete: 'Delete' }[action];
  return html`<button type="button" class="button quiet tight" aria-label=${`${word} ${entry.task_name}`}
    onClick=${() => onAction(action, entry)}>${word}</button>`;
}
