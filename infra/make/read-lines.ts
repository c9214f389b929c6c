/** Spoken lines from lines.txt (one per line) and lines.csv (with their voices). */
import { CsvError, parse } from 'csv-parse/sync';
import { closest } from 'fastest-levenshtein';
import { counted } from '../../functions/base/counted.ts';

/** As a request has it. */
export interface Line {
  text: string;
  voice: string;
  speed?: number;
  language?: string;
  group?: string;
}

export interface ReadLines {
  lines: Line[];
  /** Each begins with a small letter: the name of the file stands before it. */
  mistakes: string[];
}

const COLUMNS = ['text', 'voice', 'speed', 'language', 'group'] as const;
type Column = (typeof COLUMNS)[number];
const COLUMN_LIST = COLUMNS.join(', ');

/** Blank lines are left out. */
export function linesOfText(text: string, voice: string): ReadLines {
  const lines = text
    .split(/\r\n|\r|\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => ({ text: line, voice }));
  const mistakes =
    lines.length > 0
      ? []
      : ['expected a spoken line in each of its lines, got none. Write one, or remove the file.'];
  return { lines, mistakes };
}

/** @param voice of lines without one */
export function linesOfCsv(text: string, voice: string): ReadLines {
  let rows: { cells: string[]; number: number }[];
  try {
    rows = rowsOf(text);
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const next = 'Put quotes around texts that contain commas, and write quotes within them twice.';
    return { lines: [], mistakes: [`expected rows of cells, got: ${error.message}. ${next}`] };
  }
  const [head, ...body] = rows;
  const columns = (head?.cells ?? []).map((name) => name.trim().toLowerCase());
  const wrong = columnMistakes(columns);
  if (wrong.length > 0) return { lines: [], mistakes: wrong };
  const read = body
    .filter(({ cells }) => cells.some((cell) => cell.trim() !== ''))
    .map(({ cells, number }) => lineOf(columns as Column[], cells, number, voice));
  const mistakes = read.flatMap((row) => row.mistakes);
  if (read.length === 0)
    mistakes.push('expected a line below the names of the columns, got none. Write one.');
  return { lines: read.flatMap(({ line }) => line), mistakes };
}

function rowsOf(text: string): { cells: string[]; number: number }[] {
  const [head = ''] = text.split(/[\r\n]/, 1);
  // Spreadsheets write semicolons where the comma is part of numbers.
  const delimiter = [',', ';', '\t'].toSorted(
    (one, other) => head.split(other).length - head.split(one).length,
  )[0];
  const records = parse(text, {
    bom: true,
    delimiter: delimiter as string,
    relax_column_count: true,
    skip_empty_lines: true,
    info: true,
  }) as unknown as { record: string[]; info: { lines: number } }[];
  return records.map(({ record, info }) => ({ cells: record, number: info.lines }));
}

function columnMistakes(columns: readonly string[]): string[] {
  const known: readonly string[] = COLUMNS;
  if (!columns.some((name) => known.includes(name))) {
    const got = columns.length === 0 ? 'an empty file' : JSON.stringify(columns.join(', ').slice(0, 60));
    return [
      `expected the names of its columns in the first row (${COLUMN_LIST}), got ${got}. Write them above the lines.`,
    ];
  }
  const unknown = columns
    .filter((name) => name !== '' && !known.includes(name))
    .map(
      (name) =>
        `expected columns among ${COLUMN_LIST}, got ${JSON.stringify(name)}. Did you mean ${closest(name, known)}?`,
    );
  const repeated = columns.find((name, at) => name !== '' && columns.indexOf(name) !== at);
  return [
    ...unknown,
    ...(repeated === undefined
      ? []
      : [`expected each column once, got ${JSON.stringify(repeated)} twice. Remove one.`]),
    ...(columns.includes('text') || unknown.length > 0
      ? []
      : ['expected a column text, got none. Name the column with the words to speak "text".']),
  ];
}

function lineOf(
  columns: readonly (Column | '')[],
  cells: readonly string[],
  row: number,
  fallback: string,
): { line: Line[]; mistakes: string[] } {
  const cell = (name: Column) => cells[columns.indexOf(name)]?.trim() ?? '';
  const text = cell('text');
  const mistakes: string[] = [];
  const filled = cells.findLastIndex((value) => value.trim() !== '') + 1;
  if (filled > columns.length)
    mistakes.push(
      `line ${row}: expected ${counted(columns.length, 'cell')}, got ${filled}. Put quotes around a text that contains commas.`,
    );
  if (text === '')
    mistakes.push(
      `line ${row}: expected words to speak in the column text, got none. Write some, or remove the row.`,
    );
  const speed = Number(cell('speed').replace(',', '.'));
  if (cell('speed') !== '' && !Number.isFinite(speed))
    mistakes.push(
      `line ${row}: expected a number in the column speed, such as 1.1, got ${JSON.stringify(cell('speed'))}. Correct it.`,
    );
  if (mistakes.length > 0) return { line: [], mistakes };
  const line: Line = {
    text,
    voice: cell('voice') || fallback,
    ...(cell('speed') === '' ? {} : { speed }),
    ...(cell('language') === '' ? {} : { language: cell('language') }),
    ...(cell('group') === '' ? {} : { group: cell('group') }),
  };
  return { line: [line], mistakes };
}
