import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { manifestCsv, manifestJson } from '../../functions/pipeline/manifest.ts';
import { NO_COST, sampleReport, sampleTask } from '../contracts/samples.ts';

/** The cells of the only row, by column. Parsed as RFC 4180 says, or with the separator of another country. */
function cells(csv: string, separator = ','): string[][] {
  const rows: string[][] = [[]];
  const cell = new RegExp(
    `(?:"((?:[^"]|"")*)"|([^"${separator}\r\n][^${separator}\r\n]*|))(${separator}|\r\n|\n|$)`,
    'gy',
  );
  for (const [, quoted, plain = '', end] of csv.matchAll(cell)) {
    rows.at(-1)?.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end === '') break;
    if (end !== separator) rows.push([]);
  }
  return rows;
}

function csvOf(text: string): string {
  const task = sampleTask({ combinations: 1 });
  const source = { kind: 'line', text, voice: text } as const;
  const pieces = manifestCsv({
    task: { ...task, plan: { ...task.plan, sources: [...task.plan.sources.slice(0, 1), source] } },
    reports: [
      sampleReport(1, { warnings: [text], error: { code: 'speech_failed', stage: 'speak', message: text } }),
    ],
    join: undefined,
    finishedAt: 2,
  });
  return [...pieces].join('');
}

test('a row of the CSV says of which combination, format, language and group a video is', () => {
  const task = sampleTask({ combinations: 1 });
  const { plan } = task;
  const [clip, ...others] = plan.sources;
  assert.ok(clip);
  const line = { kind: 'line', text: 'Hallo', voice: 'v', language: 'de-CH', group: 'Deutsch' } as const;
  const shape = { width: 90, height: 160, fit: 'cover', background: '#000000' } as const;
  const csv = [
    ...manifestCsv({
      task: {
        ...task,
        plan: {
          ...plan,
          sources: [clip, ...others, line],
          formats: [
            { name: '1x1', ...shape },
            { name: '9x16', ...shape },
          ],
          combinations: [
            { index: 4, number: 2, format: 1, clips: [0], track: null, line: plan.sources.length },
          ],
        },
      },
      reports: [sampleReport(4)],
      join: undefined,
      finishedAt: 2,
    }),
  ].join('');
  const [header = [], values = []] = cells(csv);
  const shown = (name: string) => values[header.indexOf(name)];
  assert.deepEqual(['index', 'combination', 'format', 'language', 'group'].map(shown), [
    '4',
    '2',
    '9x16',
    'de-CH',
    'Deutsch',
  ]);
});

function row(text: string): Record<string, string> {
  const [header = [], values = []] = cells(csvOf(text));
  return Object.fromEntries(header.map((name, at) => [name, values[at] ?? '']));
}

const SIGNS = [
  '=',
  '+',
  '-',
  '@',
  '\uff1d',
  '\uff0b',
  '\uff0d',
  '\uff20',
  '\ufe66',
  '\ufe62',
  '\ufe63',
  '\ufe6b',
];
/** What spreadsheets skip, or make the start of a cell of. */
const BEFORE = [
  '',
  ' ',
  '   ',
  '\t',
  '\r',
  '\n',
  '\r\n',
  '\u00a0',
  '\u200b',
  '\ufeff',
  '\0',
  "'",
  '"',
  '" ',
  "'\u2028",
];

describe('a cell of the CSV manifest', () => {
  test('never begins like a formula, whatever is skipped before it', () => {
    for (const sign of SIGNS) {
      for (const before of BEFORE) {
        const text = `${before}${sign}HYPERLINK("http://evil")`;
        const lastLine = text.split(/[\t\r\n]/).at(-1);
        const { voice, text: spoken, warnings, error_message } = row(text);
        for (const cell of [voice, spoken, warnings, error_message])
          assert.ok(cell?.endsWith(`'${lastLine}`), JSON.stringify([text, cell]));
      }
    }
  });

  test('holds no formula for a spreadsheet that separates cells by semicolons or tabs', () => {
    for (const separator of [';', '\t']) {
      for (const sign of SIGNS) {
        for (const before of BEFORE) {
          const csv = csvOf(`a${separator}${before}${sign}1\nb${separator}"${sign}2`);
          for (const cell of cells(csv, separator).flat())
            assert.doesNotMatch(
              cell,
              /^[\s\p{C}"]*[=+\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b]/u,
              csv,
            );
        }
      }
    }
  });

  test('that begins with a tab or a line break is text, too', () => {
    for (const before of ['\t', '\r', '\n']) assert.equal(row(`${before}a`)['text'], `'${before}a`);
  });

  test('of our own numbers stays a number, and ordinary text stays as it is', () => {
    const { loudness_lufs, true_peak_dbtp, text, index } = row('3 - 2 = 1, "a@b"; it\'s +1');
    assert.deepEqual([index, loudness_lufs, true_peak_dbtp], ['1', '-14.1', '-1.5']);
    assert.equal(text, `3 - 2 = 1, "a@b"; it's +1`);
  });

  test('takes linear time, whatever it is made of', () => {
    for (const unit of ['\n', '\t', ';', '; ', "'", ' ', '\u200b', '\n=', ';"']) {
      const began = performance.now();
      csvOf(unit.repeat(64 * 1_024));
      assert.ok(performance.now() - began < 3_000, JSON.stringify(unit));
    }
  });
});

test('a long manifest is made in pieces, between which other work goes on, and reads as if made in one', () => {
  const task = sampleTask({ combinations: 450 });
  const reports = task.plan.combinations.map(({ index }) => sampleReport(index));
  const manifest = { task, reports, join: undefined, cost: NO_COST, finishedAt: 2 };
  const [json, csv] = [[...manifestJson(manifest)], [...manifestCsv(manifest)]];
  assert.ok(json.length >= 3 && csv.length >= 3);
  const text = json.join('');
  const document = JSON.parse(text) as { renders: { index: number }[] };
  assert.equal(`${JSON.stringify(document, null, 2)}\n`, text);
  const indexes = Array.from({ length: 450 }, (_, at) => at + 1);
  assert.deepEqual(
    document.renders.map(({ index }) => index),
    indexes,
  );
  const lines = csv.join('').split('\r\n');
  assert.deepEqual(
    lines.map((line) => line.split(',')[0]),
    ['index', ...indexes.map(String), ''],
  );
});
