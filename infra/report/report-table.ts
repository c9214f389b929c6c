import { counted } from '../../functions/base/counted.ts';
import { escapeHidden } from '../../functions/base/hidden-characters.ts';
import type { RenderView } from '../../functions/model/answers/render.ts';
import type { StatusView } from '../../functions/model/answers/task.ts';

/** Each file with the seconds it took and the seconds it lasts; then what failed, why, and the hint: the same once for all. */
export function reportTable(renders: readonly RenderView[]): string {
  const rows = renders.map((render) => [
    render.file_name,
    seconds(render.render_seconds),
    seconds(render.duration_seconds),
    render.status,
  ]);
  const lines = aligned([['file', 'mixed in', 'length', 'status'], ...rows]);
  return [...lines, ...failures(renders), ...warnings(renders)].join('\n');
}

export type Totals = Pick<
  StatusView,
  'combinations' | 'succeeded' | 'failed' | 'cancelled' | 'elapsed_seconds' | 'output_folder'
>;

/** The totals of a task, one under the other. @param more further rows: a name and a value */
export function reportTotals(status: Totals, more: readonly (readonly [string, string])[] = []): string {
  const { combinations, succeeded, failed, cancelled, elapsed_seconds, output_folder } = status;
  return aligned([
    ['videos', String(combinations)],
    ['succeeded', String(succeeded)],
    ['failed', String(failed)],
    ...(cancelled > 0 ? [['cancelled', String(cancelled)]] : []),
    ['seconds', elapsed_seconds.toFixed(1)],
    ['folder', output_folder],
    ...more,
  ]).join('\n');
}

function failures(renders: readonly RenderView[]): string[] {
  const failed = renders.flatMap(({ file_name, error }) => (error === null ? [] : [{ file_name, error }]));
  const alike = Map.groupBy(failed, ({ error }) => `${error.code}\n${error.message}`);
  return [...alike.values()].flatMap((group) => {
    const { code, message, hint } = (group[0] as (typeof failed)[number]).error;
    const who = namesOf(group.map(({ file_name }) => file_name));
    return ['', `${who} failed: ${code}`, `  ${escapeHidden(message)}`, `  Hint: ${escapeHidden(hint)}`];
  });
}

function warnings(renders: readonly RenderView[]): string[] {
  const given = renders.flatMap(({ file_name, warnings: texts }) =>
    texts.map((text) => ({ file_name, text })),
  );
  const alike = Map.groupBy(given, ({ text }) => text);
  return [...alike].map(
    ([text, group]) => `${namesOf(group.map(({ file_name }) => file_name))}: ${escapeHidden(text)}`,
  );
}

/** The table has the names of many. */
function namesOf(files: readonly string[]): string {
  return files.length === 1 ? (files[0] as string) : counted(files.length, 'video');
}

function seconds(value: number | null): string {
  return value === null ? '-' : `${value.toFixed(2)} s`;
}

/** Rows of cells as lines of columns. */
export function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows.reduce<number[]>(
    (widest, row) => row.map((cell, column) => Math.max(cell.length, widest[column] ?? 0)),
    [],
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
