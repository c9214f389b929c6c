/** Which tasks the list shows. */
import type { TaskStatus } from '../../model/task.ts';
import { STATUSES, statusTag } from '../task-status.ts';
import { html } from '../ui/html.ts';
import { typedIn } from '../ui/value.ts';

export interface ListFiltersProps {
  status: TaskStatus | '';
  /** Part of a name. */
  search: string;
  onStatus: (status: TaskStatus | '') => void;
  onSearch: (search: string) => void;
}

export function ListFilters({ status, search, onStatus, onSearch }: ListFiltersProps) {
  return html`
    <form class="task-filters" role="search" aria-label="Tasks" onSubmit=${(event: Event) => event.preventDefault()}>
      <label class="field">
        <span>Status</span>
        <select value=${status} onChange=${(event: Event) => onStatus(typedIn(event) as TaskStatus | '')}>
          <option value="">All</option>
          ${STATUSES.map((one) => html`<option value=${one}>${statusTag(one).text}</option>`)}
        </select>
      </label>
      <label class="field">
        <span>Name</span>
        <input type="search" autocomplete="off" value=${search} placeholder="spring"
          onInput=${(event: Event) => onSearch(typedIn(event))} />
      </label>
    </form>`;
}
