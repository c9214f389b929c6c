/** Every video of the plan, as a table: as many rows as the person asks for. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { PlanView } from '../../model/answers/render.ts';
import { ask, messageOf } from '../service.ts';
import { Dialog } from '../ui/dialog.ts';
import { count } from '../ui/format.ts';
import { html } from '../ui/html.ts';
import { Notice } from '../ui/notice.ts';
import { draft, edit, newSeed } from './draft.ts';
import { trialOf } from './plan.ts';
import { usedBlocks, withoutPending } from './request.ts';
import { Uses } from './uses.ts';

/** Rows that are drawn at a time: a browser draws as many at once. */
const MORE = 60;

type Row = PlanView['renders'][number];

export function PlanDialog({ first, onClose }: { first: PlanView; onClose: () => void }) {
  const { rows, isMore, isLoading, problem, more } = useRows(first);
  const { selection } = first;
  const isDrawn = selection !== null && (selection.chosen < selection.allowed || hasRandom());
  return html`
    <${Dialog} title=${`${count(first.combinations, 'video')} will be made`} onClose=${onClose} isWide>
      <div class="stack">
        ${selection === null ? null : html`<${Uses} selection=${selection} />`}
        ${
          isDrawn
            ? html`
              <div class="row">
                <p class="muted small">Where chance decides, it has decided: this is what will be made.</p>
                <button type="button" class="button tight" onClick=${() => edit({ seed: newSeed() })}>Draw again</button>
              </div>`
            : null
        }
        <${Table} rows=${rows} names=${usedBlocks(draft.get()).map(({ name }) => name)} />
        ${problem === null ? null : html`<${Notice} kind="bad">${problem}<//>`}
        ${
          isMore
            ? html`
              <button type="button" class="button" disabled=${isLoading} onClick=${more}>
                Show more (${rows.length} of ${first.combinations})
              </button>`
            : null
        }
      </div>
    <//>`;
}

function hasRandom(): boolean {
  const { tracks, tracksMode, lines, linesMode } = draft.get();
  return (tracks.length > 1 && tracksMode === 'random') || (lines.length > 1 && linesMode === 'random');
}

/** Pages of the plan are read as they are needed. */
function useRows(first: PlanView) {
  const [shown, show] = useState(MORE);
  const [loaded, load] = useState<readonly Row[]>(first.renders);
  const [isLoading, setLoading] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const pages = useRef<AsyncGenerator<PlanView, void> | null>(null);
  useEffect(() => {
    pages.current = null;
    load(first.renders);
    show(MORE);
  }, [first]);
  const rows = useMemo(() => loaded.slice(0, shown), [loaded, shown]);

  const more = async () => {
    show(shown + MORE);
    if (loaded.length >= Math.min(shown + MORE, first.combinations)) return;
    setLoading(true);
    try {
      const page = await ask(async (client) => {
        pages.current ??= client.plan(trialOf(draft.get()));
        try {
          return await pageAfter(pages.current, loaded.length);
        } catch (error) {
          // It is at its end.
          pages.current = null;
          throw error;
        }
      });
      load([...loaded, ...page]);
      setProblem(null);
    } catch (error) {
      setProblem(withoutPending(messageOf(error)));
    }
    setLoading(false);
  };
  return { rows, isMore: rows.length < first.combinations, isLoading, problem, more };
}

/** The first page that has more than `known` rows have; none at the end. */
async function pageAfter(pages: AsyncGenerator<PlanView, void>, known: number): Promise<readonly Row[]> {
  for (;;) {
    const { value } = await pages.next();
    if (!value) return [];
    if ((value.renders.at(-1)?.index ?? 0) > known) return value.renders;
  }
}

function Table({ rows, names }: { rows: readonly Row[]; names: readonly string[] }) {
  const has = {
    track: rows.some(({ track_name }) => track_name !== null),
    line: rows.some(({ text }) => text !== null),
    format: rows.some(({ format }) => format !== null),
  };
  return html`
    <div class="table-scroll" tabindex="0" role="region" aria-label="Videos of the plan">
      <table class="plan-table">
        <thead>
          <tr>
            <th scope="col">#</th>
            ${names.map((name) => html`<th scope="col">${name}</th>`)}
            ${has.track ? html`<th scope="col">Music</th>` : null}
            ${has.line ? html`<th scope="col">Line</th>` : null}
            ${has.format ? html`<th scope="col">Format</th>` : null}
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            (row) => html`
              <tr key=${row.index}>
                <th scope="row">${row.index}</th>
                ${row.clip_names.map((name) => html`<td>${name}</td>`)}
                ${has.track ? html`<td>${row.track_name}</td>` : null}
                ${has.line ? html`<td class="plan-line">${row.text}<span class="muted small">${row.voice}</span></td>` : null}
                ${has.format ? html`<td>${row.format}</td>` : null}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>`;
}
