/** Judges whether a trial ended right: everything exists once and complete, and nothing is left over. */
import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { fileName, manifestName } from '../../functions/model/names.ts';
import type { Report } from '../../functions/model/report.ts';
import type { Task } from '../../functions/model/task.ts';
import { FFMPEG } from '../fixtures/media/finished.ts';
import { finishedBoxes, wrongBoxes } from '../fixtures/media/finished-boxes.ts';
import type { Opened } from './adapter-set.ts';
import type { Life } from './life.ts';
import type { Scenario } from './scenario.ts';

const run = promisify(execFile);

export interface Verdict {
  /** Combinations without a report, tasks that did not end. */
  lost: number;
  /** Combinations that were counted or logged twice, tasks that were completed twice. */
  doubled: number;
  /** Everything that is left over. */
  orphans: number;
  /** Files with a final name that differ from what was reported. */
  halves: number;
  /** Ends other than the expected ones. */
  wrong: number;
  /** Recorded stop points that were not reached; also wrong if the set always makes its calls in the same order. */
  unreached: number;
  /** One sentence for each of the above. */
  complaints: string[];
}

export interface Case {
  opened: Opened;
  /** Ids of all tasks that may exist. */
  ids: readonly string[];
  /** Ids of the tasks that existed from the beginning. */
  mustExist: readonly string[];
  scenario: Pick<Scenario, 'endings' | 'tasks'>;
  lives: readonly Life[];
}

export function right(): Verdict {
  return { lost: 0, doubled: 0, orphans: 0, halves: 0, wrong: 0, unreached: 0, complaints: [] };
}

type Kind = Exclude<keyof Verdict, 'complaints'>;
type Complain = (kind: Kind, what: string, count?: number) => void;

export async function judge(found: Case): Promise<Verdict> {
  const verdict = right();
  const complain: Complain = (kind, what, count = 1) => {
    verdict[kind] += count;
    verdict.complaints.push(`${kind}: ${what}`);
  };
  const { opened, ids, lives } = found;
  if (lives.at(-1)?.ending === 'hanging') complain('wrong', 'the last process never became quiet');

  const expected = new Set<string>();
  let tasks = 0;
  for (const id of ids) {
    const task = await opened.ports.tasks.get(id);
    if (task === undefined) {
      const accepted = lives.some((life) => life.accepted.includes(id)) || found.mustExist.includes(id);
      if (accepted) complain('lost', `task ${id} was accepted and is gone`);
      continue;
    }
    tasks += 1;
    const last = task.plan.combinations.at(-1)?.index ?? 0;
    const reports = await opened.ports.reports.list(id, 1, last);
    judgeReports(task, reports, found.scenario, complain);
    await judgeEnd(task, reports, found, complain);
    judgeLines(task, lives, complain);
    const file = (name: string) => opened.fileIn(task.folder, name);
    for (const report of reports) {
      if (report.status !== 'succeeded') continue;
      for (const { fileName: name } of [report, ...(report.files ?? [])]) expected.add(file(name));
    }
    for (const extension of ['json', 'csv'] as const) expected.add(file(manifestName(id, extension)));
    await judgeVideos(reports, file, complain);
    await judgeManifest(task, file(manifestName(id, 'json')), complain);
  }
  const most = found.scenario.tasks ?? tasks;
  if (tasks > most) complain('doubled', `${tasks} tasks instead of ${most}`, tasks - most);
  const files = await opened.files();
  for (const file of files) {
    if (!expected.has(file)) complain('orphans', `an unexpected file: ${file}`);
  }
  for (const file of expected) if (!files.includes(file)) complain('lost', `no file ${file}`);
  for (const { kind, what } of await opened.leftOvers()) {
    complain('orphans', `a ${kind} is left: ${what}`);
  }
  return verdict;
}

function judgeReports(
  task: Task,
  reports: readonly Report[],
  { endings }: Pick<Scenario, 'endings'>,
  complain: Complain,
): void {
  for (const combination of task.plan.combinations) {
    const { index } = combination;
    const report = reports.find((one) => one.index === index);
    if (report === undefined) {
      complain('lost', `combination ${index} of "${task.name}" has no report`);
      continue;
    }
    const ending = report.error?.code ?? report.status;
    if (!endings(task, index).includes(ending)) {
      complain(
        'wrong',
        `combination ${index} of "${task.name}" ended as ${ending}: ${report.error?.message}`,
      );
    }
    if (report.fileName !== fileName(task, combination)) {
      complain('wrong', `combination ${index} of "${task.name}" is called ${report.fileName}`);
    }
  }
}

async function judgeEnd(task: Task, reports: readonly Report[], found: Case, complain: Complain) {
  const progress = await found.opened.ports.tasks.progress(task.id);
  if (progress === undefined || progress.finishedAt === null) {
    complain('lost', `"${task.name}" is not finished`);
  }
  const counted = (progress?.succeeded ?? 0) + (progress?.failed ?? 0) + (progress?.cancelled ?? 0);
  const combinations = task.plan.combinations.length;
  if (counted > combinations) {
    complain('doubled', `"${task.name}" counts ${counted} of ${combinations}`, counted - combinations);
  }
  if (counted < reports.length) {
    complain(
      'lost',
      `"${task.name}" counts ${counted}, has ${reports.length} reports`,
      reports.length - counted,
    );
  }
}

/**
 * Each combination may have one log line at most, because its process may have died before logging. Each completion
 * must have exactly one.
 */
function judgeLines(task: Task, lives: readonly Life[], complain: Complain): void {
  const lines = lives.map(({ events }) =>
    events.flatMap((event) => ('log' in event && event.log['task_id'] === task.id ? [event.log] : [])),
  );
  for (const { index } of task.plan.combinations) {
    const ends = lines
      .flat()
      .filter(
        (line) =>
          /^render\.(finished|failed|cancelled)$/.test(String(line['event'])) && line['index'] === index,
      );
    if (ends.length > 1) {
      complain('doubled', `combination ${index} of "${task.name}" is logged ${ends.length} times`);
    }
  }
  const completed = lines.map((own) => own.filter((line) => line['event'] === 'task.completed'));
  const all = completed.flat();
  const ids = new Set(all.map((line) => line['logging.googleapis.com/insertId']));
  if (all.length === 0) complain('lost', `the completion of "${task.name}" is not logged`);
  if (ids.size > 1) complain('doubled', `the completion of "${task.name}" has ${ids.size} insertIds`);
  for (const [at, own] of completed.entries()) {
    const later = completed.slice(at + 1).flat().length;
    const finished = lives[at]?.events.some((event) => 'finished' in event && event.finished === task.id);
    // The line may be repeated only if the process died between logging and finishing the task.
    if (own.length > 1 || (own.length > 0 && later > 0 && finished)) {
      complain('doubled', `the completion of "${task.name}" is logged again`);
    }
  }
}

async function judgeVideos(
  reports: readonly Report[],
  file: (name: string) => string,
  complain: Complain,
): Promise<void> {
  const whole: string[] = [];
  for (const { status, fileName: name, bytes } of reports) {
    if (status !== 'succeeded') continue;
    const size = await stat(file(name)).then(
      (stats) => stats.size,
      () => undefined,
    );
    if (size === bytes) whole.push(file(name));
    else if (size !== undefined) complain('halves', `${name} has ${size} bytes, ${bytes} were reported`);
  }
  if (whole.length === 0) return;
  for (const video of whole) {
    const wrongs = wrongBoxes(await finishedBoxes(video));
    if (wrongs.length > 0) complain('halves', `${video} has ${wrongs.join(', ')}`);
  }
  const errors = await decodingErrors(whole);
  if (errors !== '') complain('halves', `ffmpeg reports for ${whole.join(', ')}: ${errors}`);
}

/** Decodes all files with one ffmpeg; a complete file causes no error output. */
async function decodingErrors(files: readonly string[]): Promise<string> {
  const inputs = files.flatMap((file) => ['-i', file]);
  const maps = files.flatMap((_, at) => ['-map', String(at)]);
  const options = ['-nostdin', '-v', 'error', ...inputs, ...maps, '-f', 'null', '-'];
  return run(FFMPEG, options).then(
    ({ stderr }) => stderr.trim(),
    (error: Error) => error.message,
  );
}

async function judgeManifest(task: Task, file: string, complain: Complain): Promise<void> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return;
  try {
    const { renders } = JSON.parse(text) as { renders: { status: string }[] };
    const ended = renders.filter(({ status }) => /^(succeeded|failed|cancelled)$/.test(status));
    if (ended.length === task.plan.combinations.length) return;
    complain('halves', `the manifest of "${task.name}" has ${ended.length} renders that ended`);
  } catch (error) {
    complain('halves', `the manifest of "${task.name}" cannot be read: ${error}`);
  }
}
