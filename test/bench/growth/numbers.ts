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

/** Of the file: each line's points in one line. */
export function numbersText(growth: Growth): string {
  const lines = JSON.stringify(growth, null, 2);
  const short = lines.replace(/\[\s+\[[^\]]*\](?:,\s+\[[^\]]*\])*\s+\]/g, (points) =>
    points.replace(/\s+/g, '').replaceAll(',', ', '),
  );
  return `${short}\n`;
}

/** What was measured where, plots and tables in Markdown, for test/README.md. */
export function growthText(growth: Growth): string {
  const images = PLOTS.map((name) => `![Growth over ${name.replace('.svg', '')}](bench/growth/${name})`);
  const tables = [tableOf('clips', growth.overClips), tableOf('combinations', growth.overCombinations)];
  return [noteOf(growth), ...images.map((image, at) => `${image}\n\n${tables[at]}`)].join('\n\n');
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
