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
  /** Measured in turn, with soundtracks that are known or not. The bare commands' figures are per video. */
  turns: readonly { known: Round; unknown: Round; floor: Spent; unmetered: Spent }[];
  /** Seconds per video. */
  graph: { perVideo: number; processor: number; videos: number; concurrency: number } | undefined;
  /** One video at a time; seconds per video. */
  peers: readonly ({ name: string; videos: number } & Spent)[];
  /** Memory of the host that starts with its artifacts on disk. */
  warmMemory: Memory | undefined;
  idle: number | undefined;
  /** Milliseconds. */
  answers: readonly number[];
  /** Memory of Node after those requests in MB. */
  afterAnswers: number | undefined;
}

export interface Spent {
  seconds: number;
  /** Processor seconds; NaN without /proc. */
  processor: number;
}

interface Row {
  what: string;
  measured: string;
  budget: string;
}

const KNOWN_BUDGET = 0.2;
const UNKNOWN_BUDGET = 0.95;
const GRAPH_BUDGET = 60;
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

function marginalRows({ turns, graph, peers, concurrency }: Figures): Row[] {
  const known = turns.map((turn) => perVideo(turn.known));
  const unknown = turns.map((turn) => perVideo(turn.unknown));
  const floor = turns.map((turn) => turn.floor);
  const unmetered = turns.map((turn) => turn.unmetered);
  const rows: Row[] = [];
  if (turns.length > 0) {
    rows.push(
      spentRow(`one more video, its soundtrack known, ${concurrency} at a time`, known),
      spentRow('... its soundtrack not known', unknown),
      spentRow('the bare ffmpeg command of the same mix, which measures it too', floor),
      spentRow('... which measures nothing', unmetered),
      ratioRow('ratio to the bare command, soundtrack known', known, floor, KNOWN_BUDGET),
      ratioRow('... not known', unknown, floor, UNKNOWN_BUDGET),
      ratioRow('... not known, to the command that measures nothing', unknown, unmetered),
    );
  }
  const ours = median(unknown.map(({ seconds }) => seconds));
  if (graph !== undefined) {
    rows.push({
      what: `one filter graph per video, veryfast: ${graph.videos} videos, ${graph.concurrency} at a time`,
      measured: `${graph.perVideo.toFixed(1)} s${processorText(graph.processor, 1)}`,
      budget: '',
    });
    const faster = graph.perVideo / ours;
    if (turns.length > 0) {
      rows.push({
        what: 'one more video, soundtrack not known, is faster than a filter graph',
        measured: `${faster.toFixed(0)} times`,
        budget: verdict(`at least ${GRAPH_BUDGET} times`, faster >= GRAPH_BUDGET),
      });
    }
  }
  for (const { name, videos, seconds, processor } of peers) {
    rows.push({
      what: `${name}, ${videos} videos, one at a time`,
      measured: `${seconds.toFixed(1)} s${processorText(processor, 1)}`,
      budget: '',
    });
  }
  return rows;
}

/** From the request to the last report. */
function perVideo({ toLastReport, processor, videos }: Round): Spent {
  return { seconds: toLastReport / videos, processor: processor / videos };
}

function spentRow(what: string, all: readonly Spent[]): Row {
  const seconds = all.map((one) => one.seconds);
  const processor = median(all.map((one) => one.processor));
  return {
    what,
    measured: `${median(seconds).toFixed(3)} s (${inTurn(seconds, 3)})${processorText(processor, 3)}`,
    budget: '',
  };
}

/** Of what was measured in the same turn. */
function ratioRow(what: string, ours: readonly Spent[], floor: readonly Spent[], budget?: number): Row {
  const seconds = ours.map((one, at) => one.seconds / (floor[at]?.seconds ?? Number.NaN));
  return {
    what,
    measured: `${median(seconds).toFixed(2)} (${inTurn(seconds, 2)})`,
    budget: budget === undefined ? '' : verdict(`at most ${budget}`, median(seconds) <= budget),
  };
}

function processorText(processor: number, digits: number): string {
  return Number.isNaN(processor) ? '' : `, ${processor.toFixed(digits)} processor seconds`;
}

function taskRows({ cold, turns, clips, clipSeconds, graph, answers }: Figures): Row[] {
  const { videos, toLastPrepared, toCompleted, busyPreparing } = cold;
  const preparing = clipSeconds / toLastPrepared;
  const slowest = Math.max(...answers);
  return [
    {
      what: `${videos} videos of ${clips} clips, from nothing prepared, clips encoded`,
      measured: `${toCompleted.toFixed(1)} s${processorText(cold.processor, 1)}`,
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
      what: '... processors busy until then',
      measured: busyPreparing.toFixed(2),
      budget: '',
    },
    ...(graph === undefined
      ? []
      : [
          {
            what: `... faster than ${videos} filter graphs`,
            measured: `${((graph.perVideo * videos) / toCompleted).toFixed(1)} times`,
            budget: '',
          },
        ]),
    ...(turns.length === 0
      ? []
      : [
          {
            what: `the same ${videos} videos again, clips and soundtracks ready`,
            measured: `${median(turns.map(({ known }) => known.toCompleted)).toFixed(1)} s`,
            budget: '',
          },
        ]),
    ...(answers.length === 0
      ? []
      : [
          {
            what: 'answer to a request for 1,000 videos',
            measured: `${median(answers).toFixed(0)} ms (${inTurn(answers, 0)})`,
            budget: verdict(`at most ${ANSWER_BUDGET_MS} ms`, slowest <= ANSWER_BUDGET_MS),
          },
        ]),
  ];
}

function memoryRows({ idle, warmMemory, coldMemory, answers, afterAnswers }: Figures): Row[] {
  const kept = warmMemory && warmMemory.together <= MEMORY_BUDGET_MB;
  return [
    { what: 'memory of Node after the start', measured: megabytes(idle), budget: '' },
    ...(kept === undefined
      ? []
      : [
          {
            what: 'most memory while mixing, clips ready: Node and ffmpeg together',
            measured: together(warmMemory),
            budget: verdict(`at most ${MEMORY_BUDGET_MB} MB`, kept),
          },
          { what: '... Node alone', measured: megabytes(warmMemory?.highest), budget: '' },
        ]),
    {
      what: 'most memory from nothing prepared: Node and ffmpeg together',
      measured: together(coldMemory),
      budget: '',
    },
    { what: '... Node alone', measured: megabytes(coldMemory?.highest), budget: '' },
    ...(answers.length === 0
      ? []
      : [
          {
            what: `memory of Node after ${answers.length} requests for 1,000 videos, cancelled`,
            measured: megabytes(afterAnswers),
            budget: '',
          },
        ]),
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

export function inTurn(values: readonly number[], digits: number): string {
  return values.map((value) => value.toFixed(digits)).join(', ');
}
