/** Draws lines through measured points as an SVG that can be read on light and on dark pages. Pure. */

export interface Series {
  name: string;
  /** In the order of x. */
  points: readonly (readonly [x: number, y: number])[];
  /** Points that were not measured but follow from the measured ones, drawn as dashes from the last of them on. */
  beyond?: readonly (readonly [x: number, y: number])[];
}

export interface Axis {
  /** With its unit. */
  label: string;
  scale: 'linear' | 'log';
}

export interface Chart {
  title: string;
  /** Where and when it was measured. */
  note: string;
  x: Axis;
  y: Axis;
  series: readonly Series[];
}

const WIDTH = 860;
const HEIGHT = 460;
const PLOT = { left: 76, right: 560, top: 52, bottom: 372 } as const;
const LINE_HEIGHT = 17;
const NAME_AT = PLOT.right + 18;
const TICKS = 6;

/** Each with enough contrast to white and to near-black, and apart for people who see red and green alike. */
const COLOURS = ['#2f7ed8', '#c2571a', '#2f9e6e', '#a457c4', '#8a8017', '#d0417e'] as const;

export function drawChart(chart: Chart): string {
  const points = chart.series.flatMap(({ points, beyond = [] }) => [...points, ...beyond]);
  const x = scaleOf(
    chart.x,
    points.map(([value]) => value),
    [PLOT.left, PLOT.right],
  );
  const y = scaleOf(
    chart.y,
    points.map(([, value]) => value),
    [PLOT.bottom, PLOT.top],
  );
  const names = namesOf(chart.series, y.at);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img">`,
    `<title>${escaped(chart.title)}</title>`,
    STYLE,
    `<rect class="page" width="${WIDTH}" height="${HEIGHT}"/>`,
    `<text class="title" x="${PLOT.left}" y="28">${escaped(chart.title)}</text>`,
    ...x.ticks.flatMap((tick) => [
      `<line class="grid" x1="${n(x.at(tick))}" x2="${n(x.at(tick))}" y1="${PLOT.top}" y2="${PLOT.bottom}"/>`,
      `<text x="${n(x.at(tick))}" y="${PLOT.bottom + 20}" text-anchor="middle">${amount(tick)}</text>`,
    ]),
    ...y.ticks.flatMap((tick) => [
      `<line class="grid" x1="${PLOT.left}" x2="${PLOT.right}" y1="${n(y.at(tick))}" y2="${n(y.at(tick))}"/>`,
      `<text x="${PLOT.left - 8}" y="${n(y.at(tick) + 4)}" text-anchor="end">${amount(tick)}</text>`,
    ]),
    `<text x="${(PLOT.left + PLOT.right) / 2}" y="${PLOT.bottom + 46}" text-anchor="middle">${escaped(chart.x.label)}</text>`,
    `<text transform="translate(20 ${(PLOT.top + PLOT.bottom) / 2}) rotate(-90)" text-anchor="middle">` +
      `${escaped(chart.y.label)}</text>`,
    ...chart.series.flatMap((series, at) =>
      lineOf(series, COLOURS[at % COLOURS.length] as string, x.at, y.at),
    ),
    ...names.map(
      ({ name, top, number }) =>
        `<text class="name" style="fill:${COLOURS[number % COLOURS.length]}" x="${NAME_AT}" y="${n(top + 4)}">` +
        `${escaped(name)}</text>`,
    ),
    `<text class="note" x="${PLOT.left}" y="${HEIGHT - 14}">${escaped(chart.note)}</text>`,
    '</svg>',
    '',
  ].join('\n');
}

/** The page's own colours cannot be seen from within an image, so it follows what the reader prefers. */
const STYLE = `<style>
text { font: 13px system-ui, sans-serif; fill: #33373d; }
.title { font-size: 15px; font-weight: 600; }
.name { font-weight: 600; }
.note { font-size: 11px; fill: #666c75; }
.page { fill: #ffffff; }
.grid { stroke: #d9dce1; }
.line { fill: none; stroke-width: 2.5; }
.beyond { stroke-dasharray: 6 5; }
@media (prefers-color-scheme: dark) {
text { fill: #d5d9e0; }
.note { fill: #9aa1ab; }
.page { fill: #14171c; }
.grid { stroke: #333941; }
}
</style>`;

interface Scale {
  at(value: number): number;
  ticks: number[];
}

function scaleOf({ scale }: Axis, values: readonly number[], [from, to]: readonly [number, number]): Scale {
  const most = Math.max(...values);
  if (scale === 'linear') {
    const step = niceStep(most / TICKS);
    const end = Math.ceil(most / step) * step;
    const ticks = Array.from({ length: Math.round(end / step) + 1 }, (_, at) => at * step);
    return { at: (value) => from + ((to - from) * value) / end, ticks };
  }
  const ticks = decades(Math.min(...values), most);
  const [first = 1, last = 10] = [ticks.at(0), ticks.at(-1)];
  const span = Math.log(last / first);
  return { at: (value) => from + ((to - from) * Math.log(value / first)) / span, ticks };
}

/** 1, 2 or 5 times a power of ten, at least `least`. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return ([1, 2, 5, 10].find((times) => times * power >= least * 0.999) ?? 10) * power;
}

/** From the last of 1, 2, 5, 10, 20 ... that is not above `least` to the first that is not below `most`. */
function decades(least: number, most: number): number[] {
  const first = Math.floor(Math.log10(least));
  const all = Array.from(
    { length: Math.ceil(Math.log10(most)) - first + 1 },
    (_, at) => 10 ** (first + at),
  ).flatMap((power) => [power, 2 * power, 5 * power]);
  const from = all.findLastIndex((tick) => tick <= least);
  const to = all.findIndex((tick) => tick >= most);
  return all.slice(Math.max(0, from), to + 1);
}

function lineOf(series: Series, colour: string, x: Scale['at'], y: Scale['at']): string[] {
  const path = (points: Series['points']) => points.map(([a, b]) => `${n(x(a))},${n(y(b))}`).join(' ');
  const last = series.points.slice(-1);
  const beyond = series.beyond === undefined ? [] : [...last, ...series.beyond];
  return [
    `<polyline class="line" stroke="${colour}" points="${path(series.points)}"/>`,
    ...(beyond.length > 1
      ? [`<polyline class="line beyond" stroke="${colour}" points="${path(beyond)}"/>`]
      : []),
    ...series.points.map(([a, b]) => `<circle cx="${n(x(a))}" cy="${n(y(b))}" r="3.5" fill="${colour}"/>`),
  ];
}

/** Beside the ends of their lines, but never on each other. */
function namesOf(series: readonly Series[], y: Scale['at']): { name: string; top: number; number: number }[] {
  const ends = series
    .map(({ name, points, beyond = [] }, number) => {
      const [, value = 1] = [...points, ...beyond].at(-1) ?? [];
      return { name, number, top: y(value) };
    })
    .sort((one, other) => one.top - other.top);
  for (const [at, end] of ends.entries()) {
    const above = ends[at - 1];
    if (above !== undefined) end.top = Math.max(end.top, above.top + LINE_HEIGHT);
  }
  return ends;
}

function amount(value: number): string {
  return new Intl.NumberFormat('en', { maximumFractionDigits: 2 }).format(value);
}

/** A place in tenths of a pixel. */
function n(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
