/** The measured numbers behind the plots, and the plots of them. Pure. */
import { markdown } from '../table.ts';
import { type Chart, drawChart, type Series } from './chart.ts';

/** The file `numbers.json` beside this one. */
export interface Growth {
  /** ISO 8601. */
  measuredOn: string;
  machine: string;
  /** What the clips were. */
  clips: string;
  overClips: GrowthOver;
  overCombinations: GrowthOver;
}

export interface GrowthOver {
  /** What stayed the same. */
  fixed: string;
  lines: Line[];
}

export interface Line {
  name: string;
  /** Processor seconds, user and system, of all processes together. */
  points: [x: number, processorSeconds: number][];
}

export const PLOTS = ['clips.svg', 'combinations.svg'] as const;

const PROCESSOR = 'processor seconds, from nothing prepared';

export function plotsOf(growth: Growth): Record<(typeof PLOTS)[number], string> {
  const { overClips, overCombinations } = growth;
  return {
    'clips.svg': drawChart({
      title: `Growth over clips: ${overClips.fixed}`,
      note: noteOf(growth),
      x: { label: 'distinct clips', scale: 'linear' },
      y: { label: PROCESSOR, scale: 'linear' },
      series: overClips.lines,
    } satisfies Chart),
    'combinations.svg': drawChart({
      title: `Growth over combinations: ${overCombinations.fixed}`,
      note: `${noteOf(growth)} Dashed: the measured cost of a video, times their number.`,
      x: { label: 'combinations', scale: 'log' },
      y: { label: PROCESSOR, scale: 'log' },
      series: continued(overCombinations.lines),
    } satisfies Chart),
  };
}

function noteOf({ measuredOn, machine, clips }: Growth): string {
  return `${clips}; ${machine}; ${measuredOn}.`;
}

/** What costs the same for each video is not run hundreds of times: its line goes on as far as the longest one. */
function continued(lines: readonly Line[]): Series[] {
  const furthest = Math.max(...lines.flatMap(({ points }) => points.map(([x]) => x)));
  return lines.map((line) => {
    const [x, y] = line.points.at(-1) ?? [1, 1];
    return x < furthest ? { ...line, beyond: [[furthest, (y / x) * furthest]] } : line;
  });
}

/** Both in Markdown, for test/README.md: one row per line. */
export function growthTables(growth: Growth): string {
  return [tableOf('clips', growth.overClips), tableOf('combinations', growth.overCombinations)].join('\n\n');
}

function tableOf(what: string, { lines }: GrowthOver): string {
  const all = [...new Set(lines.flatMap(({ points }) => points.map(([x]) => x)))].sort(
    (one, other) => one - other,
  );
  const rows = lines.map(({ name, points }) => {
    const known = new Map(points);
    return [name, ...all.map((x) => secondsText(known.get(x)))];
  });
  return markdown([[`processor seconds for so many ${what}`, ...all.map(String)], ...rows]);
}

function secondsText(seconds: number | undefined): string {
  return seconds === undefined ? '' : seconds.toFixed(seconds < 100 ? 1 : 0);
}
