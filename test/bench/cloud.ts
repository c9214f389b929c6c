/** Measures what needs the emulators: reports per second and cold starts. */
import { join } from 'node:path';
import { findEmulators, startEmulators } from '../../infra/emulators/google-emulators.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';
import { type ColdStart, timeColdStarts } from './cold-start.ts';
import { type ReportRate, timeReports } from './reports.ts';
import { markdown } from './table.ts';

/** The first round warms up the emulator's Java and is not shown. */
const CALLERS = [50, 20, 50, 200];
const REPORTS_BUDGET = 200;
const BUDGET_CALLERS = 50;

/** Two tables in Markdown, or the reason why there are none. */
export async function cloudTables(progress: (what: string) => void): Promise<string> {
  const found = findEmulators(process.env);
  if ('missing' in found) return `The cloud part was not measured: ${found.missing}.`;
  await using emulators = await startEmulators(found);
  Object.assign(process.env, emulators.hosts, { METADATA_SERVER_DETECTION: 'none' });
  const rates: ReportRate[] = [];
  for (const callers of CALLERS) {
    progress(`Reports by ${callers} callers`);
    rates.push(await timeReports(callers));
  }
  progress('Starts of the compiled functions');
  await using dir = await tempDir();
  const cold = await timeColdStarts(join(dir.path));
  return `${reportTable(rates.slice(1))}\n\n${coldTable(cold)}`;
}

function reportTable(rates: readonly ReportRate[]): string {
  const head = ['callers', 'reports a second', 'reports', 'sent twice', 'counted', 'completions', 'budget'];
  const rows = rates.map(({ callers, perSecond, reports, repeated, counted, completions }) => [
    ...[callers, Math.round(perSecond), reports, repeated, counted, completions].map(String),
    callers === BUDGET_CALLERS
      ? `at least ${REPORTS_BUDGET}: ${perSecond >= REPORTS_BUDGET ? 'kept' : 'missed'}`
      : '',
  ]);
  return markdown([head, ...rows]);
}

function coldTable(cold: readonly ColdStart[]): string {
  const head = ['function', 'first request', 'listens after', 'answered after', 'memory'];
  const rows = cold.map(({ name, does, toListening, toAnswer, memory }) => [
    `\`${name}\``,
    does,
    `${toListening.toFixed(2)} s`,
    `${toAnswer.toFixed(2)} s`,
    memory === undefined ? 'not measured (needs /proc)' : `${Math.round(memory)} MB`,
  ]);
  return markdown([head, ...rows]);
}
