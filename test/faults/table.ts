import type { Trial } from './harness.ts';
import type { Verdict } from './judge.ts';

/** The outcome of several trials. */
export interface Row {
  scenario: string;
  stage: string;
  trials: readonly Trial[];
  /** From the request to the last verdict, including the time spent waiting for other trials. */
  seconds: number;
}

const COUNTS = [
  'lost',
  'doubled',
  'orphans',
  'halves',
  'wrong',
  'unreached',
] as const satisfies (keyof Verdict)[];
const HEAD = [
  'scenario',
  'stage',
  'stop points',
  'runs',
  'lost',
  'doubled',
  'orphans',
  'half files',
  'wrong ends',
  'unreached',
  'seconds',
];
/** Number of text columns; the number columns after them are aligned to the right. */
const WORDS = 2;

/** @param seconds duration of the whole suite */
export function table(rows: readonly Row[], seconds: number): string {
  const total: Row = {
    scenario: 'total',
    stage: '',
    trials: rows.flatMap(({ trials }) => trials),
    seconds,
  };
  const lines = aligned([HEAD, ...[...rows, total].map(cells)]);
  return lines.join('\n');
}

function cells({ scenario, stage, trials, seconds }: Row): string[] {
  const stops = trials.filter(({ stop }) => stop !== undefined).length;
  const runs = trials.reduce((all, trial) => all + trial.runs, 0);
  const counts = COUNTS.map((count) => sum(trials, count));
  return [scenario, stage, ...[stops, runs, ...counts].map(String), seconds.toFixed(1)];
}

function sum(trials: readonly Trial[], count: Exclude<keyof Verdict, 'complaints'>): number {
  return trials.reduce((all, { verdict }) => all + verdict[count], 0);
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const width = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  const cell = (text: string, column: number) =>
    column < WORDS ? text.padEnd(width(column)) : text.padStart(width(column));
  return rows.map((row) => row.map(cell).join('  ').trimEnd());
}
