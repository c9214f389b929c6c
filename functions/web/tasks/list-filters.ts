/** Which tasks the list shows. */
import { useEffect, useState } from 'preact/hooks';
import type { TaskStatus } from '../../model/task.ts';
import { STATUSES, statusTag } from '../task-status.ts';
import { html } from '../ui/html.ts';
import type { Filters } from './reading.ts';

/** After the last key, so that a name that is typed costs one request. */
const PAUSE_MS = 400;

export interface ListFiltersProps {
  filters: Filters;
  onChange: (filters: Filters) => void;
}

export function ListFilters({ filters, onChange }: ListFiltersProps) {
  const [typed, type] = useState(filters.name);
  // The filter is also taken away from outside.
  useEffect(() => type(filters.name), [filters.name]);
  useEffect(() => {
    if (typed === filters.name) return undefined;
    const timer = setTimeout(() => onChange({ ...filters, name: typed }), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed, filters]);
  const send = (event: Event) => {
    event.preventDefault();
    onChange({ ...filters, name: typed });
  };
  return html`
    <form class="task-filters" role="search" aria-label="Tasks" onSubmit=${send}>
      <label class="field">
        <span>Status</span>
        <select value=${filters.status}
          onChange=${({ target }: Event) =>
            onChange({ ...filters, status: (target as HTMLSelectElement).value as TaskStatus | '' })}>
          <option value="">All</option>
          ${STATUSES.map((status) => html`<option value=${status}>${statusTag(status).text}</option>`)}
        </select>
      </label>
      <label class="field">
        <span>Name, exactly</span>
        <input type="search" autocomplete="off" value=${typed} placeholder="spring sale"
          onInput=${({ target }: Event) => type((target as HTMLInputElement).value)} />
      </label>
    </form>`;
}
