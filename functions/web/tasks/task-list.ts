/** The view of all tasks, newest first. */
import { useCallback, useMemo, useState } from 'preact/hooks';
import type { TaskEntry } from '../../model/answers/task.ts';
import { ask } from '../service.ts';
import { Confirm } from '../ui/confirm.ts';
import { count } from '../ui/format.ts';
import { html } from '../ui/html.ts';
import { Notice, say } from '../ui/notice.ts';
import { addressOf } from '../ui/place.ts';
import { named } from './entries.ts';
import { forgetTask } from './forget-task.ts';
import { ListFilters } from './list-filters.ts';
import type { Filters } from './reading.ts';
import { ServiceLine } from './service-line.ts';
import { type Action, TaskRow } from './task-row.ts';
import { type Tasks, useTasks } from './use-tasks.ts';

const ALL: Filters = { status: '', name: '' };

const isAll = ({ status, name }: Filters) => status === '' && name === '';

export function TaskList() {
  const [filters, setFilters] = useState<Filters>(ALL);
  const [search, setSearch] = useState('');
  const [asked, setAsked] = useState<{ action: Action; entry: TaskEntry } | null>(null);
  const tasks = useTasks(filters);
  // The service finds whole names alone: parts of names are looked for among the tasks that are here.
  const entries = useMemo(
    () => (filters.name === '' ? named(tasks.entries, search) : tasks.entries),
    [tasks.entries, filters.name, search],
  );
  const find = (text: string) => {
    setSearch(text);
    if (filters.name !== '') setFilters({ ...filters, name: '' });
  };
  const showAll = () => {
    setSearch('');
    setFilters(ALL);
  };
  const onAction = useCallback((action: Action, entry: TaskEntry) => setAsked({ action, entry }), []);
  return html`
    <div class="stack task-list">
      <div class="row task-list-head">
        <h1>Tasks</h1>
        <a class="button primary" href=${addressOf({ view: 'compose' })}>New task</a>
      </div>
      <${ServiceLine} />
      <section class="card" aria-label="All tasks">
        ${
          isAll(filters) && search === '' && tasks.entries.length === 0
            ? null
            : html`<${ListFilters} status=${filters.status} search=${search} onSearch=${find}
                onStatus=${(status: Filters['status']) => setFilters({ ...filters, status })} />`
        }
        <${Found} tasks=${tasks} entries=${entries} filters=${filters} search=${search} onAction=${onAction} onAll=${showAll}
          onExact=${() => setFilters({ ...filters, name: search.trim() })} />
      </section>
      ${asked === null ? null : html`<${Question} ...${asked} tasks=${tasks} onClose=${() => setAsked(null)} />`}
    </div>`;
}

interface FoundProps {
  tasks: Tasks;
  /** Those that are shown. */
  entries: readonly TaskEntry[];
  filters: Filters;
  search: string;
  onAction: (action: Action, entry: TaskEntry) => void;
  onAll: () => void;
  /** Asks the service for tasks of exactly the name that is searched. */
  onExact: () => void;
}

function Found({ tasks, entries, filters, search, onAction, onAll, onExact }: FoundProps) {
  const { hasMore, isLoading, problem } = tasks;
  const told =
    problem === null
      ? null
      : html`<${Notice} kind=${entries.length === 0 ? 'bad' : 'warn'}>${problem}
          ${entries.length === 0 ? '' : ' Trying again.'}<//>`;
  if (entries.length === 0) {
    if (problem !== null) {
      return html`${told}<p><button type="button" class="button" onClick=${tasks.again}>Try again</button></p>`;
    }
    return isLoading
      ? html`<p class="muted" role="status">Loading …</p>`
      : html`<${Empty} ...${{ filters, search, hasMore, onAll, onExact }} />`;
  }
  return html`
    ${told}
    <table role="table" class="task-table" aria-busy=${isLoading}>
      <thead role="rowgroup">
        <tr role="row">
          ${['Name', 'Status', 'Videos', 'Started'].map(
            (title) => html`<th role="columnheader" scope="col">${title}</th>`,
          )}
          <th role="columnheader" scope="col"><span class="hidden">Actions</span></th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        ${entries.map(
          (entry) => html`<${TaskRow} key=${entry.task_id} entry=${entry} onAction=${onAction} />`,
        )}
      </tbody>
    </table>
    <div class="row task-list-end">
      <span class="muted small" role="status">${count(entries.length, 'task')}${hasMore ? ', and older ones' : ''}</span>
      ${hasMore ? html`<${More} onMore=${tasks.more} />` : null}
    </div>`;
}

function More({ onMore }: { onMore: () => Promise<void> }) {
  const [isBusy, setBusy] = useState(false);
  const more = async () => {
    setBusy(true);
    await onMore();
    setBusy(false);
  };
  return html`<button type="button" class="button" disabled=${isBusy} onClick=${more}>More</button>`;
}

type EmptyProps = Pick<FoundProps, 'filters' | 'search' | 'onAll' | 'onExact'> & { hasMore: boolean };

function Empty({ filters, search, hasMore, onAll, onExact }: EmptyProps) {
  if (filters.name === '' && search.trim() !== '') {
    return html`
      <div class="task-list-empty">
        <p>${hasMore ? 'None of the newest tasks' : 'No task'} has “${search.trim()}” in its name.</p>
        <div class="row">
          ${hasMore ? html`<button type="button" class="button" onClick=${onExact}>Search all by exact name</button>` : null}
          <button type="button" class="button" onClick=${onAll}>Show all</button>
        </div>
      </div>`;
  }
  if (!isAll(filters)) {
    return html`
      <div class="task-list-empty">
        <p>No task ${filters.name === '' ? 'with this status' : 'with exactly this name'}${
          filters.name !== '' && filters.status !== '' ? ' and status' : ''
        }.</p>
        <button type="button" class="button" onClick=${onAll}>Show all</button>
      </div>`;
  }
  return html`
    <div class="task-list-empty">
      <span class="task-list-art" aria-hidden="true"><i></i><i></i><i></i></span>
      <h2>No tasks yet</h2>
      <p class="muted">Drop hooks, bodies and calls to action, and get every combination as a finished video.</p>
      <a class="button primary" href=${addressOf({ view: 'compose' })}>Make the first videos</a>
    </div>`;
}

interface QuestionProps {
  action: Action;
  entry: TaskEntry;
  tasks: Tasks;
  onClose: () => void;
}

function Question({ action, entry, tasks, onClose }: QuestionProps) {
  const { task_id: taskId, task_name: name, pending } = entry;
  if (action === 'cancel') {
    const cancel = async () => {
      tasks.replace(await ask((client) => client.cancel(taskId)));
      say(`Cancelling ${name}`);
    };
    return html`
      <${Confirm} title=${`Cancel “${name}”?`} yes="Cancel the task" no="Let it go on" onYes=${cancel}
        onClose=${onClose}>
        ${count(pending, 'video')} will not be made. Videos that are finished stay.
      <//>`;
  }
  const forget = async () => {
    await forgetTask(taskId);
    tasks.remove(taskId);
    say(`Deleted ${name}`);
  };
  return html`
    <${Confirm} title=${`Delete “${name}”?`} yes="Delete the task" no="Keep it" onYes=${forget} onClose=${onClose}>
      The service forgets the task, and this browser its stars. The videos stay in their folder.
    <//>`;
}
