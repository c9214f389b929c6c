/** Formats the result table: what was measured in one run, and the budgets. */
import type { Memory, Round } from './rounds.ts';

export interface Figures {
  /** Distinct clips, which make 27 videos. */
  clips: number;
  /** Length of all clips together in seconds. */
  clipSeconds: number;
  concurrency: number;
  cold: Round;
  coldMemory: Memory | undefined;
  /** Seconds per video, measured in alternation. */
  pairs: readonly { ours: Round; floor: number }[];
  graph: { perVideo: number; videos: number; concurrency: number };
  /** Memory of the host that starts with its artifacts on disk. */
  warmMemory: Memory | undefined;
  idle: number | undefined;
  /** Milliseconds. */
  answers: readonly number[];
  /** Memory of Node after those requests in MB. */
  afterAnswers: number | undefined;
}

interface Row {
  what: string;
  measured: string;
  budget: string;
}

const FLOOR_BUDGET = 1.5;
const GRAPH_BUDGET = 20;
const ANSWER_BUDGET_MS = 300;
const MEMORY_BUDGET_MB = 300;
const REAL_TIME = 1;
const NOT_MEASURED = 'not measured (needs /proc)';

/** The table in Markdown, for the documents. */
export function tableOf(figures: Figures): string {
  const rows = [...marginalRows(figures), ...taskRows(figures), ...memoryRows(figures)].map(
    ({ what, measured, budget }) => [what, measured, budget],
  );
  return markdown([['what', 'measured', 'budget'], ...rows]);
}

/** Formats rows as a Markdown table. The first row is the head. */
export function markdown(all: readonly (readonly string[])[]): string {
  const columns = [...(all[0]?.keys() ?? [])];
  const widths = columns.map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = all;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n');
}

function marginalRows({ pairs, graph, concurrency }: Figures): Row[] {
  const ours = pairs.map((pair) => pair.ours.toLastReport / pair.ours.videos);
  const floors = pairs.map(({ floor }) => floor);
  const ratios = pairs.map((pair, at) => (ours[at] as number) / pair.floor);
  const ratio = median(ratios);
  const faster = graph.perVideo / median(ours);
  return [
    {
      what: `one more video, clips ready: request to last report, ${concurrency} at a time`,
      measured: `${median(ours).toFixed(3)} s (${inTurn(ours, 3)})`,
      budget: '',
    },
    {
      what: 'the bare ffmpeg commands of the same mixes',
      measured: `${median(floors).toFixed(3)} s (${inTurn(floors, 3)})`,
      budget: '',
    },
    {
      what: 'ratio to the bare commands',
      measured: `${ratio.toFixed(2)} (${inTurn(ratios, 2)})`,
      budget: verdict(`at most ${FLOOR_BUDGET}`, ratio <= FLOOR_BUDGET),
    },
    {
      what: `one filter graph per video, veryfast: ${graph.videos} videos, ${graph.concurrency} at a time`,
      measured: `${graph.perVideo.toFixed(1)} s`,
      budget: '',
    },
    {
      what: 'one more video is faster than a filter graph',
      measured: `${faster.toFixed(0)} times`,
      budget: verdict(`at least ${GRAPH_BUDGET} times`, faster >= GRAPH_BUDGET),
    },
  ];
}

function taskRows({ cold, pairs, clips, clipSeconds, graph, answers }: Figures): Row[] {
  const { videos, toLastPrepared, toCompleted } = cold;
  const preparing = clipSeconds / toLastPrepared;
  const slowest = Math.max(...answers);
  return [
    {
      what: `${videos} videos of ${clips} clips, from nothing prepared`,
      measured: `${toCompleted.toFixed(1)} s`,
      budget: '',
    },
    {
      what: '... until the last source is prepared, and the rest',
      measured: `${toLastPrepared.toFixed(1)} s and ${(toCompleted - toLastPrepared).toFixed(1)} s`,
      budget: '',
    },
    {
      what: '... seconds of clips prepared in a second, some mixes beside',
      measured: preparing.toFixed(2),
      budget: verdict(`at least ${REAL_TIME}`, preparing >= REAL_TIME),
    },
    {
      what: `... faster than ${videos} filter graphs`,
      measured: `${((graph.perVideo * videos) / toCompleted).toFixed(1)} times`,
      budget: '',
    },
    {
      what: `the same ${videos} videos again, clips ready`,
      measured: `${median(pairs.map(({ ours }) => ours.toCompleted)).toFixed(1)} s`,
      budget: '',
    },
    {
      what: 'answer to a request for 1,000 videos',
      measured: `${median(answers).toFixed(0)} ms (${inTurn(answers, 0)})`,
      budget: verdict(`at most ${ANSWER_BUDGET_MS} ms`, slowest <= ANSWER_BUDGET_MS),
    },
  ];
}

function memoryRows({ idle, warmMemory, coldMemory, answers, afterAnswers }: Figures): Row[] {
  const kept = warmMemory && warmMemory.together <= MEMORY_BUDGET_MB;
  return [
    { what: 'memory of Node after the start', measured: megabytes(idle), budget: '' },
    {
      what: 'most memory while mixing, clips ready: Node and ffmpeg together',
      measured: together(warmMemory),
      budget: kept === undefined ? '' : verdict(`at most ${MEMORY_BUDGET_MB} MB`, kept),
    },
    { what: '... Node alone', measured: megabytes(warmMemory?.highest), budget: '' },
    {
      what: 'most memory from nothing prepared: Node and ffmpeg together',
      measured: together(coldMemory),
      budget: '',
    },
    { what: '... Node alone', measured: megabytes(coldMemory?.highest), budget: '' },
    {
      what: `memory of Node after ${answers.length} requests for 1,000 videos, cancelled`,
      measured: megabytes(afterAnswers),
      budget: '',
    },
  ];
}

function verdict(target: string, kept: boolean): string {
  return `${target}: ${kept ? 'kept' : 'NOT KEPT'}`;
}

function together(memory: Memory | undefined): string {
  return memory
    ? `${megabytes(memory.together)} (ffmpeg up to ${memory.descendants.toFixed(0)})`
    : NOT_MEASURED;
}

function megabytes(value: number | undefined): string {
  return value === undefined ? NOT_MEASURED : `${value.toFixed(0)} MB`;
}

/** For an even number of values, the lower of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[(sorted.length - 1) >> 1] ?? Number.NaN;
}

function inTurn(values: readonly number[], digits: number): string {
  return values.map((value) => value.toFixed(digits)).join(', ');
}
