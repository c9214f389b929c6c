import { stringify } from 'csv-stringify/sync';
import type { ManifestRow } from '../model/answers/manifest.ts';
import type { TaskCost } from '../model/cost.ts';
import type { Join } from '../model/pins.ts';
import type { Combination } from '../model/plan.ts';
import { type Report, SIDE_FILE_KINDS } from '../model/report.ts';
import { targetLine } from '../model/target-texts.ts';
import type { Task } from '../model/task.ts';
import { joinView } from './join-view.ts';
import { choicesOf, NOT_BEGUN, renderOutcome } from './render-view.ts';

/** Everything that the manifest shows. */
export interface Manifest {
  task: Task;
  /** One per combination, in order. */
  reports: readonly Report[];
  /** Undefined if it was never decided. */
  join: Join | undefined;
  cost: TaskCost;
  /** Milliseconds since the epoch. */
  finishedAt: number;
}

/** Rows of a piece, which takes milliseconds. */
const PIECE = 200;
/** Around the rows of the JSON manifest, as JSON.stringify writes them. */
const ROWS_BEGIN = '{\n  "renders": [';
const ROWS_END = '\n  ]\n}';

/** Counted from the reports, whose seals are checked. The counters beside the task have none. */
export function countsOf({ reports }: Pick<Manifest, 'reports'>): Record<Report['status'], number> {
  const count = (wanted: Report['status']) => reports.filter(({ status }) => status === wanted).length;
  return { succeeded: count('succeeded'), failed: count('failed'), cancelled: count('cancelled') };
}

/** In pieces, so that whoever writes them to a file lets other work go on. */
export function* manifestJson(manifest: Manifest): Generator<string> {
  const { task, join, cost, finishedAt } = manifest;
  const about = {
    task_id: task.id,
    task_name: task.name,
    retry_of: task.retryOf,
    created_at: task.createdAt,
    completed_at: new Date(finishedAt).toISOString(),
    combinations: task.plan.combinations.length,
    ...countsOf(manifest),
    cost: { usd: cost.usd, speech_characters: cost.characters, compute_seconds: cost.computeSeconds },
    seed: task.plan.seed,
    ...joinView(join, task.plan),
    metadata: task.metadata,
    warnings: task.warnings,
  };
  let before = JSON.stringify(about, null, 2).replace(/\n\}$/, `,${ROWS_BEGIN.slice(1)}`);
  for (const renders of rows(manifest)) {
    yield before + JSON.stringify({ renders }, null, 2).slice(ROWS_BEGIN.length, -ROWS_END.length);
    before = ',';
  }
  yield `${ROWS_END}\n`;
}

/**
 * One row per combination (RFC 4180), in pieces like the JSON. Cells that a spreadsheet would read as formulas are
 * escaped.
 */
export function* manifestCsv(manifest: Omit<Manifest, 'cost'>): Generator<string> {
  const clipColumns = manifest.task.plan.combinations[0]?.clips.map((_, at) => `clip_${at + 1}`) ?? [];
  const recordOf = ({ clips, files, warnings, targets, error, ...row }: ManifestRow) => ({
    ...row,
    ...Object.fromEntries(clips.map((url, at) => [clipColumns[at], url])),
    ...Object.fromEntries(files.map(({ kind, file_name }) => [`${kind}_file`, file_name])),
    warnings: warnings.join(' '),
    targets: targetLine(targets),
    error_code: error?.code ?? '',
    error_stage: error?.stage ?? '',
    error_message: error?.message ?? '',
    error_hint: error?.hint ?? '',
  });
  const columns = [
    'index',
    'status',
    'file_name',
    ...clipColumns,
    'track',
    'voice',
    'text',
    'combination',
    'format',
    'language',
    'group',
    ...SIDE_FILE_KINDS.map((kind) => `${kind}_file`),
    'url',
    'bytes',
    'duration_seconds',
    'loudness_lufs',
    'true_peak_dbtp',
    'render_seconds',
    'attempts',
    'warnings',
    'targets',
    'error_code',
    'error_stage',
    'error_message',
    'error_hint',
  ];
  let header = true;
  for (const some of rows(manifest)) {
    yield stringify(some.map(recordOf), {
      header,
      columns,
      record_delimiter: '\r\n',
      // Not `escape_formulas`, which looks at the very first character only. Numbers are not cast: -14.2 stays a number.
      cast: { string: withoutFormulas },
      // Besides commas, quotes and line feeds.
      quoted_match: SEPARATOR,
    });
    header = false;
  }
}

/** What separates cells or rows, also for a spreadsheet of a country that separates them by semicolons. */
const SEPARATOR = /([;\t\r\n])/;
/** Also as full-width or small characters, and after what spreadsheets skip. */
const FORMULA = /^[\s\p{C}'"]*[=+\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b]/u;

/** An apostrophe makes a formula text. https://owasp.org/www-community/attacks/CSV_Injection */
function withoutFormulas(text: string): string {
  const cells = text.split(SEPARATOR).map((cell) => (FORMULA.test(cell) ? `'${cell}` : cell));
  return `${/^[\t\r\n]/.test(text) ? "'" : ''}${cells.join('')}`;
}

/** One row per combination, some at a time. */
function* rows({ task, reports }: Pick<Manifest, 'task' | 'reports'>): Generator<ManifestRow[]> {
  const byIndex = new Map(reports.map((report) => [report.index, report]));
  const rowOf = (combination: Combination): ManifestRow => {
    const report = byIndex.get(combination.index);
    return {
      ...renderOutcome(task, combination, report, NOT_BEGUN),
      // The manifest is for everyone who may see the videos, and a signed URL would let them read the source.
      ...choicesOf(task, combination, 'masked'),
      bytes: report?.bytes ?? null,
      loudness_lufs: report?.loudnessLufs ?? null,
      true_peak_dbtp: report?.truePeakDbtp ?? null,
      stage_seconds: report?.stageSeconds ?? {},
    };
  };
  const { combinations } = task.plan;
  for (let from = 0; from < combinations.length; from += PIECE)
    yield combinations.slice(from, from + PIECE).map(rowOf);
}
