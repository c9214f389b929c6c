import { CODES } from '../../functions/base/codes.ts';
import { escapeHidden } from '../../functions/base/hidden-characters.ts';
import type { RenderView } from '../../functions/model/answers/render.ts';
import type { StatusView } from '../../functions/model/answers/task.ts';

/** Each file with the seconds it took and the seconds it lasts; then what failed, why, and the hint. */
export function reportTable(renders: readonly RenderView[]): string {
  const rows = renders.map((render) => [
    render.file_name,
    seconds(render.render_seconds),
    seconds(render.duration_seconds),
    render.status,
  ]);
  const lines = aligned([['file', 'made in', 'length', 'status'], ...rows]);
  return [...lines, ...renders.flatMap(remarks)].join('\n');
}

export type Totals = Pick<
  StatusView,
  'combinations' | 'succeeded' | 'failed' | 'cancelled' | 'elapsed_seconds' | 'output_folder'
>;

/** The totals of a task, one under the other. @param more further rows: a name and a value */
export function reportTotals(status: Totals, more: readonly (readonly [string, string])[] = []): string {
  const { combinations, succeeded, failed, cancelled, elapsed_seconds, output_folder } = status;
  return aligned([
    ['combinations', String(combinations)],
    ['succeeded', String(succeeded)],
    ['failed', String(failed)],
    ...(cancelled > 0 ? [['cancelled', String(cancelled)]] : []),
    ['seconds', elapsed_seconds.toFixed(1)],
    ['folder', output_folder],
    ...more,
  ]).join('\n');
}

function remarks({ file_name, error, warnings }: RenderView): string[] {
  const failure = error
    ? [
        '',
        `${file_name} failed: ${error.code}`,
        `  ${escapeHidden(error.message)}`,
        `  Hint: ${CODES[error.code].hint}`,
      ]
    : [];
  return [...failure, ...warnings.map((warning) => `${file_name}: ${escapeHidden(warning)}`)];
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
