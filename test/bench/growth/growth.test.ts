import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { drawChart } from './chart.ts';
import { type Growth, growthTables, PLOTS, plotsOf } from './numbers.ts';

const read = (name: string) => readFileSync(join(import.meta.dirname, name), 'utf8');
const growth = JSON.parse(read('numbers.json')) as Growth;

/** Where the circles of a plot are. */
function circles(svg: string): [x: number, y: number][] {
  return [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [Number(x), Number(y)]);
}

describe('the plots of growth', () => {
  for (const name of PLOTS) {
    test(`${name} is drawn from numbers.json`, () => {
      assert.equal(read(name), plotsOf(growth)[name]);
    });
  }

  test('have a circle for each measured point, and say where and when it was measured', () => {
    const { overClips, overCombinations, machine, measuredOn } = growth;
    for (const [name, { lines }] of [
      ['clips.svg', overClips],
      ['combinations.svg', overCombinations],
    ] as const) {
      assert.equal(circles(read(name)).length, lines.flatMap(({ points }) => points).length);
      for (const line of lines) assert.ok(read(name).includes(`>${line.name}</text>`), line.name);
      assert.ok(read(name).includes(machine) && read(name).includes(measuredOn));
    }
  });

  test('are in test/README.md with their numbers', () => {
    const readme = readFileSync(resolve(import.meta.dirname, '../../README.md'), 'utf8');
    assert.ok(readme.includes(growthTables(growth)), growthTables(growth));
    for (const name of PLOTS) assert.ok(readme.includes(`](bench/growth/${name})`), name);
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
