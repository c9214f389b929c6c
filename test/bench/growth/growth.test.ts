import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { drawChart } from './chart.ts';
import { type Growth, growthText, numbersText, PLOTS, plotsOf } from './numbers.ts';

const read = (name: string) => readFileSync(join(import.meta.dirname, name), 'utf8');
const isMeasured = existsSync(join(import.meta.dirname, 'numbers.json'));
/** Numbers to draw where there are no measured ones yet. */
const SAMPLE: Growth = {
  measuredOn: '2026-11-29',
  machine: 'a machine',
  clips: 'Clips of 2 s',
  overClips: {
    fixed: '36 videos',
    lines: [
      {
        name: 'this service',
        points: [
          [2, 7],
          [12, 40],
        ],
      },
    ],
  },
  overCombinations: {
    fixed: 'six clips',
    lines: [
      {
        name: 'this service',
        points: [
          [6, 20],
          [216, 24],
        ],
      },
      {
        name: 'anew',
        points: [
          [1, 10],
          [4, 40],
        ],
      },
    ],
  },
};

/** Where the circles of a plot are. */
function circles(svg: string): [x: number, y: number][] {
  return [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [Number(x), Number(y)]);
}

describe('the plots of growth', () => {
  test('have a circle for each measured point, and say where and when it was measured', () => {
    const plots = plotsOf(SAMPLE);
    const { overClips, overCombinations, machine, measuredOn } = SAMPLE;
    for (const [name, { lines }] of [
      ['clips.svg', overClips],
      ['combinations.svg', overCombinations],
    ] as const) {
      assert.equal(circles(plots[name]).length, lines.flatMap(({ points }) => points).length);
      for (const line of lines) assert.ok(plots[name].includes(`>${line.name}</text>`), line.name);
      assert.ok(plots[name].includes(machine) && plots[name].includes(measuredOn));
    }
  });

  test('go on as dashes where the cost of each video is the same, as far as the longest line', () => {
    const [dashed = ''] = /class="line beyond"[^>]+/.exec(plotsOf(SAMPLE)['combinations.svg']) ?? [];
    const [, from = '', to = ''] = /points="([^ ]+) ([^ ]+)"/.exec(dashed) ?? [];
    assert.ok(circles(plotsOf(SAMPLE)['combinations.svg']).some(([x, y]) => `${x},${y}` === from));
    assert.equal(
      Number(to.split(',')[0]),
      Math.max(...circles(plotsOf(SAMPLE)['combinations.svg']).map(([x]) => x)),
    );
  });

  const skip = !isMeasured && 'not measured yet: `npm run bench -- growth` writes numbers.json';
  test('in the folder and in test/README.md are those of numbers.json', { skip }, () => {
    const growth = JSON.parse(read('numbers.json')) as Growth;
    assert.equal(read('numbers.json'), numbersText(growth), 'as the command writes it');
    for (const name of PLOTS) assert.equal(read(name), plotsOf(growth)[name], name);
    const readme = readFileSync(resolve(import.meta.dirname, '../../README.md'), 'utf8');
    assert.ok(readme.includes(growthText(growth)), growthText(growth));
  });
});

describe('a chart', () => {
  const chart = {
    title: 'a < b & c',
    note: 'here',
    x: { label: 'videos', scale: 'linear' },
    y: { label: 'seconds', scale: 'linear' },
    series: [{ name: 'one', points: [[0, 0] as const, [50, 100] as const, [100, 200] as const] }],
  } as const;

  test('has equal distances for equal differences, upwards and to the right', () => {
    const [first, second, third] = circles(drawChart(chart)) as [
      [number, number],
      [number, number],
      [number, number],
    ];
    assert.ok(Math.abs(second[0] - first[0] - (third[0] - second[0])) < 0.2);
    assert.ok(Math.abs(second[1] - first[1] - (third[1] - second[1])) < 0.2);
    assert.ok(third[0] > first[0] && third[1] < first[1]);
  });

  test('has equal distances for equal factors where its scale is logarithmic', () => {
    const points = [[1, 3] as const, [10, 30] as const, [100, 300] as const];
    const logarithmic = {
      ...chart,
      x: { label: 'videos', scale: 'log' },
      y: { label: 'seconds', scale: 'log' },
      series: [{ name: 'one', points }],
    } as const;
    const [first, second, third] = circles(drawChart(logarithmic)) as [
      [number, number],
      [number, number],
      [number, number],
    ];
    assert.ok(Math.abs(second[0] - first[0] - (third[0] - second[0])) < 0.2);
    assert.ok(Math.abs(second[1] - first[1] - (third[1] - second[1])) < 0.2);
  });

  test('names lines that end at one place one below the other', () => {
    const svg = drawChart({
      ...chart,
      series: [
        { name: 'one', points: [[100, 200] as const] },
        { name: 'two', points: [[100, 200] as const] },
      ],
    });
    const [one, two] = [...svg.matchAll(/class="name"[^>]* y="([\d.]+)"/g)].map(([, y]) => Number(y));
    assert.ok((two ?? 0) - (one ?? 0) >= 15);
  });

  test('shows text as it is, and follows what the reader prefers', () => {
    assert.match(drawChart(chart), /a &lt; b &amp; c/);
    assert.match(drawChart(chart), /prefers-color-scheme: dark/);
  });
});
