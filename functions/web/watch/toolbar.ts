/** Which videos are shown: filters, words, order and format. */
import { whole } from '../ui/format.ts';
import { html } from '../ui/html.ts';
import { typedIn } from '../ui/value.ts';
import { FILTERS, type Filter, SORTS, type Sort, type View } from './choose.ts';

export interface ToolbarProps {
  view: View;
  onView: (view: View) => void;
  counts: Readonly<Record<Filter, number>>;
  formats: readonly string[];
}

const FILTER_WORDS: Readonly<Record<Filter, string>> = {
  all: 'All',
  done: 'Done',
  failed: 'Failed',
  starred: 'Starred',
};
const SORT_WORDS: Readonly<Record<Sort, string>> = { number: 'Number', name: 'Name', length: 'Length' };

export function Toolbar({ view, onView, counts, formats }: ToolbarProps) {
  const change = (changes: Partial<View>) => onView({ ...view, ...changes });
  return html`
    <div class="watch-toolbar">
      <fieldset class="watch-filters">
        <legend class="hidden">Show</legend>
        ${FILTERS.map(
          (filter) => html`
          <label class="watch-filter">
            <input type="radio" name="watch-filter" checked=${view.filter === filter} onChange=${() => change({ filter })} />
            <span>${FILTER_WORDS[filter]} <b>${whole(counts[filter])}</b></span>
          </label>`,
        )}
      </fieldset>
      <input type="search" class="watch-search" aria-label="Search videos" placeholder="Search clips, lines, voices …" value=${view.search}
        onInput=${(event: InputEvent) => change({ search: typedIn(event) })} />
      ${
        formats.length < 2
          ? null
          : html`
        <label class="watch-choice"><span>Format</span>
          <select value=${view.format} onChange=${(event: Event) => change({ format: typedIn(event) })}>
            <option value="">All</option>
            ${formats.map((format) => html`<option value=${format}>${format}</option>`)}
          </select>
        </label>`
      }
      <label class="watch-choice"><span>Sort by</span>
        <select value=${view.sort} onChange=${(event: Event) => change({ sort: typedIn(event) as Sort })}>
          ${SORTS.map((sort) => html`<option value=${sort}>${SORT_WORDS[sort]}</option>`)}
        </select>
      </label>
    </div>`;
}
