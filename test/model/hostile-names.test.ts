/** Random templates with names that someone chose to do harm, or without a thought: each is refused, or works everywhere. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { RequestError } from '../../functions/base/errors.ts';
import { BLOCK_VALUES, hasValue, PLAIN_VALUES, withId } from '../../functions/model/file-name-template.ts';
import { makePlan } from '../../functions/model/make-plan.ts';
import { planNameMistakes } from '../../functions/model/name-checks.ts';
import { fileName, type NamedTask, sideFileName } from '../../functions/model/names.ts';
import { seededRandom } from '../../functions/model/random.ts';
import { readRequest } from '../../functions/model/request.ts';
import { numbers } from '../contracts/harness.ts';
import { sampled } from '../fixtures/system/sample.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

const TEMPLATES = 2_000;
const LIMITS = { combinations: 10_000, sources: { buckets: [], ownBuckets: [] } };
const ID = 'a1b2c3d4-0000-4000-8000-000000000000';

const HOSTILE = [
  ...['👩🏽‍🚀🎬', '🏳️‍🌈', 'مرحبا بالعالم', 'שלום', 'a\u202egpj.exe', '日本語の動画', 'नमस्ते', 'ไทย', '한국어'],
  ...[
    'é',
    'e\u0301',
    'É',
    'ﬁn',
    'Ω',
    'Ω',
    'ß',
    'SS',
    'ẞ',
    'İ',
    'ı',
    'i',
    'I',
    'Å',
    'A\u030a',
    'ς',
    'σ',
    'ſ',
    's',
  ],
  ...['\u0301'.repeat(180), `a${'\u0300\u0327'.repeat(90)}`, '\u1100'.repeat(60), '\u0390'.repeat(150)],
  ...[
    '.',
    '..',
    '...',
    '.hidden',
    'trailing.',
    'trailing. . ',
    ' ',
    '   x',
    '\u00a0',
    '\u3000x',
    '\t',
    '\n',
    '\0',
    '\u007f',
  ],
  ...[
    'CON',
    'con',
    'NUL.mp4',
    'COM¹',
    'lpt9 ',
    'AUX.tar.gz',
    'CONIN$',
    'PRN.',
    'nul .txt',
    'COM10',
    'CONSOLE',
  ],
  ...[
    '\ud800',
    'half\udfff',
    '\ufffe',
    '\ufffd',
    '\ue000',
    '\u{10ffff}',
    '\u0378',
    '\u200d',
    '\ufeff',
    '\u2028',
    '\u3164',
  ],
  ...[
    '../../etc/passwd',
    'C:\\Windows',
    '\\\\host\\share',
    '/abs',
    'a/b',
    'a:b',
    'a?b',
    'a*b',
    'a|b',
    'a<b>',
    'a"b',
    'a_b',
  ],
  ...[
    '>\u0338',
    '<\u0338b',
    '\u037e',
    '\u2260',
    '~',
    '$HOME',
    '`id`',
    '%00',
    '%2e%2e',
    '{id}',
    '{{',
    '}',
    '{n:a}',
  ],
  ...[
    'x'.repeat(200),
    'ö'.repeat(200),
    '🎬'.repeat(100),
    '-',
    '_',
    '-rf',
    '=1+1',
    '#',
    '[a]',
    "'",
    'a',
    'A',
    'a ',
    'a.',
    '1',
    '11',
  ],
  ...['a_thumbnail', 'a.en_US', 'a.srt', 'a_9x16', '9x16', 'manifest-a1b2c3'],
];
const LITERALS = [
  '-',
  '_',
  ' ',
  '.',
  '..',
  'CON',
  'nul',
  'hook',
  '{{',
  '}}',
  'ö',
  'e\u0301',
  '🎬',
  '\u0301',
  '~',
  '_9x16',
  '',
  'x'.repeat(60),
];
const REFUSED_LITERALS = [
  '/',
  '\\',
  ':',
  '\u202e',
  '{',
  '}',
  '\0',
  '{block:nobody}',
  '{what}',
  '.mp4',
  '\ud83c',
];
const FORMATS = [
  '9x16',
  '4x5',
  { name: 'CON', width: 640, height: 360 },
  { name: 'Wide', width: 640, height: 360 },
];

type Random = () => number;
const below = (random: Random, most: number) => Math.floor(random() * most);
const oneOf = <T>(random: Random, all: readonly T[]) => all[below(random, all.length)] as T;
const some = (random: Random, most: number) => numbers(1 + below(random, most));

function randomBody(seed: number): object {
  const random = seededRandom(seed, 'hostile names');
  // Neighbours in the list are alike.
  const from = below(random, HOSTILE.length);
  const known = random() < 0.6 ? HOSTILE.slice(from, from + 4) : HOSTILE;
  const name = () => oneOf(random, known) + (random() < 0.3 ? oneOf(random, known) : '');
  const short = (most: number) => (/\S/.test(name()) ? Array.from(name()).slice(0, most).join('') : 'x');
  const clip = () => `https://h/${Math.floor(random() * 1e6)}.mp4`;
  const blocks = ['hooks', 'ctas', 'b 3'].slice(0, 1 + below(random, 3));
  const piece = () => {
    const kind = random();
    if (kind < 0.02) return oneOf(random, REFUSED_LITERALS);
    if (kind < 0.35) return oneOf(random, LITERALS);
    if (kind < 0.7) return `{${oneOf(random, BLOCK_VALUES)}:${oneOf(random, blocks)}}`;
    return `{${oneOf(random, PLAIN_VALUES)}}`;
  };
  const always =
    random() < 0.5 ? oneOf(random, ['{index}', blocks.map((block) => `-{n:${block}}`).join('')]) : '';
  const template = `${some(random, 5).map(piece).join('')}${always}`;
  const grouped = random() < 0.3;
  const formats = random() < 0.4 ? FORMATS.slice(0, 1 + below(random, FORMATS.length)) : undefined;
  return {
    task_name: visible(short(150)),
    video_blocks: Object.fromEntries(blocks.map((block) => [block, some(random, 3).map(clip)])),
    ...(random() < 0.7 && { audio_blocks: { music: some(random, 2).map(clip) } }),
    ...(random() < 0.7 && {
      text_to_speech: some(random, 3).map((at) => ({
        text: `line ${at}`,
        voice: visible(short(150)),
        ...(random() < 0.5 && { language: oneOf(random, ['en', 'pt-BR', 'zh-Hant', 'ar']) }),
        ...(grouped && random() < 0.7 && { group: visible(short(40)) }),
      })),
    }),
    ...(grouped && { selection: { lines: 'each' } }),
    ...(random() < 0.3 && { captions: { mode: 'srt', files: ['srt', 'vtt'] } }),
    ...(random() < 0.3 && { cover: {} }),
    output: { file_name: template.slice(0, 200) || '{index}', ...(formats && { formats }) },
  };
}

const visible = (text: string) => (/\S/.test(text) ? text : `${text}x`);

/** Undefined if the request is refused. */
function accepted(seed: number): NamedTask | undefined {
  try {
    const valid = readRequest(randomBody(seed), LIMITS);
    // Also those that a request cannot give a clip: names do not depend on who has cleaned them before.
    const random = seededRandom(seed, 'clips');
    const from = below(random, HOSTILE.length);
    const known = random() < 0.6 ? HOSTILE.slice(from, from + 4) : HOSTILE;
    const named = <T>(clip: T) => ({ ...clip, name: visible(oneOf(random, known)) });
    const blocks = valid.blocks.map((block) => ({ ...block, clips: block.clips.map(named) }));
    const plan = makePlan({ ...valid, blocks, tracks: valid.tracks.map(named), seed });
    const task = { name: valid.taskName, plan, fileId: ID };
    const mistakes = planNameMistakes(task);
    for (const { message } of mistakes) assert.match(message, /^Expected .*, got .*\. /s);
    return mistakes.length === 0 ? task : undefined;
  } catch (error) {
    if (!RequestError.is(error)) throw error;
    for (const { message } of error.mistakes) assert.match(message, /^Expected .*got .*\. /s);
    return undefined;
  }
}

const RESERVED = /^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])$/i;

/** Written down apart from the code under test, system by system. */
function assertValid(name: string): void {
  // Linux; and all others in UTF-8.
  assert.ok(name !== '' && name !== '.' && name !== '..' && !/[/\0]/.test(name), name);
  assert.ok(Buffer.byteLength(name) <= 255, name);
  assert.ok(name.isWellFormed(), name);
  // Windows.
  assert.doesNotMatch(name, /[<>:"/\\|?*\p{Cc}]/u);
  assert.doesNotMatch(name, /[. ]$/);
  assert.doesNotMatch((name.split('.')[0] as string).trimEnd(), RESERVED);
  // macOS: APFS and, in NFD, HFS+.
  assert.ok(name.normalize('NFD').length <= 255, name);
  assert.doesNotMatch(name, /[\p{Cn}\p{Co}]/u);
  assert.doesNotMatch(name.normalize('NFD'), /[:/<>"\\|?*]/);
  // Google Drive, which trims names and normalizes them. Cloud Storage.
  assert.equal(name, name.trim());
  assert.equal(name, name.normalize('NFC'));
  assert.doesNotMatch(name, /[\r\n]/);
  // People.
  assert.doesNotMatch(
    name,
    /^\.|[\p{Cc}\u202a-\u202e\u2066-\u2069\u200b\u200e\u200f\u061c\u2028\u2029\ufeff]/u,
  );
}

/** The ways in which systems compare names; each is asked for itself. */
const SAME: readonly ((name: string) => string)[] = [
  (name) => name,
  (name) => name.normalize('NFC').toLowerCase(),
  (name) => name.normalize('NFC').toUpperCase(),
  (name) => name.normalize('NFD').toUpperCase().toLowerCase().normalize('NFD'),
  (name) =>
    name
      .normalize('NFD')
      .toLowerCase()
      .replace(/\p{Default_Ignorable_Code_Point}/gu, ''),
  (name) =>
    name
      .split('')
      .map((unit) => (unit.toUpperCase().length === 1 ? unit.toUpperCase() : unit))
      .join(''),
];

function assertAllWell(task: NamedTask): string[] {
  const { combinations, captions, cover, sources } = task.plan;
  const all = combinations.map((combination) => {
    const video = fileName(task, combination);
    const line = combination.line === null ? undefined : sources[combination.line];
    const language = line?.kind === 'line' ? line.language : undefined;
    return [
      video,
      ...(cover ? [sideFileName(video, 'cover')] : []),
      ...(captions?.files ?? []).map((kind) => sideFileName(video, kind, language)),
    ];
  });
  const names = all.flat();
  for (const path of names) {
    assert.ok(
      Buffer.byteLength(path) <= 1_024 - 256,
      'with the folder of the task, an object of Cloud Storage',
    );
    for (const part of path.split('/')) assertValid(part);
  }
  // A path is one name for an object, and a folder may not have the name of a file.
  const folders = new Set(
    names.flatMap((path) => (path.includes('/') ? [path.slice(0, path.lastIndexOf('/'))] : [])),
  );
  for (const same of SAME) {
    assert.equal(
      new Set([...names, ...folders].map(same)).size,
      names.length + folders.size,
      names.join('\n'),
    );
  }
  return names;
}

describe(`${TEMPLATES} random templates with hostile names`, () => {
  const seeds = sampled(numbers(TEMPLATES), 8, 'hostile names');

  test('give names that are valid and different on all systems, with and without the id of the task', async () => {
    await using dir = await tempDir();
    let works = 0;
    for (const seed of seeds) {
      const task = accepted(seed);
      if (task === undefined) continue;
      works += 1;
      const { fileName: template = '' } = task.plan;
      const names = assertAllWell(task);
      const longer = hasValue(template, 'id')
        ? task
        : { ...task, plan: { ...task.plan, fileName: withId(template) } };
      for (const name of assertAllWell(longer)) assert.ok(name.includes('a1b2c3'), name);
      if (works % 10 === 0)
        for (const name of names) await writeFile(join(dir.path, name.split('/').at(-1) as string), '');
    }
    assert.ok(works > seeds.length / 4, `${works} of ${seeds.length} templates were not refused`);
  });
});
