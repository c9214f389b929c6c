import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RequestError } from '../../functions/base/errors.ts';
import { withId } from '../../functions/model/file-name-template.ts';
import { makePlan } from '../../functions/model/make-plan.ts';
import { planNameMistakes } from '../../functions/model/name-checks.ts';
import { fileName } from '../../functions/model/names.ts';
import { type Plan, partOf } from '../../functions/model/plan.ts';
import { readRequest } from '../../functions/model/request.ts';

const ID = 'a1b2c3d4-0000-4000-8000-000000000000';
const LIMITS = { combinations: 10_000, sources: { buckets: [], ownBuckets: [] } };

const BODY = {
  task_name: 'Spring: sale',
  video_blocks: {
    hooks: ['https://h/cat.mp4', { url: 'https://h/dog.mp4', name: 'Dog & Co.' }],
    ctas: ['https://h/buy.mp4', 'https://h/try.mp4'],
  },
  audio_blocks: { music: ['https://h/drums.mp3'] },
  text_to_speech: [{ text: 'Hello', voice: 'Sarah', language: 'en' }],
  seed: 7,
};

function read(template: string, change: object = {}, output: object = {}) {
  const valid = readRequest({ ...BODY, output: { file_name: template, ...output }, ...change }, LIMITS);
  return { name: valid.taskName, plan: makePlan({ ...valid, seed: 7 }), fileId: ID };
}

function names(template: string, change: object = {}, output: object = {}): string[] {
  const task = read(template, change, output);
  assert.deepEqual(planNameMistakes(task), []);
  return namesOf(task);
}

const namesOf = (task: { name: string; fileId: string; plan: Plan }) =>
  task.plan.combinations.map((combination) => fileName(task, combination));

/** What a template is refused with; '' if it is not. */
function refusal(template: string, change: object = {}, output: object = {}): string {
  try {
    const [mistake] = planNameMistakes(read(template, change, output));
    return mistake === undefined ? '' : `${mistake.pointer} ${mistake.code}: ${mistake.message}`;
  } catch (error) {
    assert.ok(RequestError.is(error), String(error));
    return error.mistakes.map(({ pointer, code, message }) => `${pointer} ${code}: ${message}`).join('\n');
  }
}

describe('a template of file names', () => {
  test('has values for every video', () => {
    assert.deepEqual(names('{task}-hook{n:hooks}-cta{n:ctas}'), [
      'Spring_ sale-hook1-cta1.mp4',
      'Spring_ sale-hook1-cta2.mp4',
      'Spring_ sale-hook2-cta1.mp4',
      'Spring_ sale-hook2-cta2.mp4',
    ]);
    assert.equal(
      names('{index} {block:hooks} {block:ctas} {track} {line} {voice} {language} {id}')[2],
      '0003 Dog_Co buy drums 1 Sarah en a1b2c3.mp4',
    );
    assert.equal(names('{{{index}}} {{}}')[0], '{0001} {}.mp4');
  });

  test('numbers lines as the request does, also those that no video has', () => {
    const text_to_speech = ['one', 'two', 'three', 'four', 'five', 'six'].map((text) => ({
      text,
      voice: 'Sarah',
    }));
    const task = read('{index}-{line}', { text_to_speech });
    for (const combination of task.plan.combinations) {
      const line = task.plan.sources[combination.line ?? -1];
      const number = text_to_speech.findIndex(({ text }) => line?.kind === 'line' && line.text === text) + 1;
      assert.equal(fileName(task, combination), `000${combination.index}-${number}.mp4`);
    }
  });

  test('gets the format at its end, unless it names it', () => {
    const formats = { formats: ['9x16', { name: 'wide', width: 640, height: 360 }] };
    const change = { video_blocks: { a: ['https://h/cat.mp4'] } };
    assert.deepEqual(names('{block:a}', change, formats), ['9x16/cat_9x16.mp4', 'wide/cat_wide.mp4']);
    assert.deepEqual(names('{format} {block:a}', change, formats), [
      '9x16/9x16 cat.mp4',
      'wide/wide cat.mp4',
    ]);
    assert.deepEqual(names('{format} {block:a} {{format}}', change, { formats: ['4x5'] }), [
      '4x5 cat {format}.mp4',
    ]);
    assert.deepEqual(names('{block:a}', change, { formats: ['4x5'] }), ['cat.mp4']);
  });

  test('stays the same in a retry of some videos', () => {
    const text_to_speech = ['one', 'two'].map((text) => ({ text, voice: 'Sarah' }));
    const task = read('{n:hooks}{n:ctas}{line}{block:hooks}', { text_to_speech });
    const all = namesOf(task);
    for (const combination of task.plan.combinations) {
      const plan = partOf(task.plan, new Set([combination.index]));
      assert.deepEqual(namesOf({ ...task, plan }), [all[combination.index - 1]]);
    }
  });

  test('gets the id of the task before the format, in whatever form', () => {
    const withIds = {
      '{task}': '{task}-{id}',
      '{task}_{format}': '{task}-{id}_{format}',
      '{task} - {format}': '{task}-{id} - {format}',
      '{format}': '{id}_{format}',
      '_{format}': '{id}_{format}',
      '{format}{task}': '{format}{task}-{id}',
    };
    for (const [template, changed] of Object.entries(withIds)) assert.equal(withId(template), changed);
  });

  test('keeps numbers and the id of names that are too long, and cuts the rest at whole characters', () => {
    const long = '👩🏽‍🚀'.repeat(12);
    const change = {
      task_name: 'x'.repeat(100),
      video_blocks: { a: ['https://h/1.mp4', 'https://h/2.mp4'] },
      text_to_speech: [{ text: 'Hello', voice: long }],
    };
    const all = names('{task}{voice}{voice}{voice}-{n:a}-{id}', change);
    for (const [at, name] of all.entries()) {
      assert.ok(Buffer.byteLength(name) <= 245, name);
      assert.match(name, new RegExp(`^x{20,100}(👩🏽‍🚀)+-${at + 1}-a1b2c3\\.mp4$`));
    }
  });

  const refused: Record<string, [template: string, says: RegExp, change?: object, output?: object]> = {
    'an unknown value': ['{indx}', /unknown: .*got "\{indx\}"\. Did you mean \{index\}\?/],
    'an unknown value far from all': [
      '{x}-{something}',
      /unknown: Expected one of \{index\}, .*\{block:BLOCK\}/,
    ],
    'an unknown block': [
      '{n:hook}',
      /Expected one of \{n:hooks\}, \{n:ctas\}, got "\{n:hook\}"\. Did you mean \{n:hooks\}/,
    ],
    'a block of music': ['{block:music}', /got "\{block:music\}"/],
    'a block value without a block': ['{block}', /unknown/],
    'a value with a block that takes none': ['{index:hooks}', /unknown/],
    'an open brace': ['{index', /a single \{\. Write \{\{ for/],
    'a closed brace': ['{index}}', /a single \}\. Write \}\} for/],
    'a path': ['../{index}', /a path.*sub-folders/],
    'a path of Windows': ['a\\{index}', /a path/],
    'a character that Windows refuses': ['{index}?', /got "\?"/],
    'a character that is not seen': ['{index}\u202e', /got "\\u202e"/],
    'a line break': ['{index}\n', /got "\\n"/],
    'half a character': ['{index}\ud800', /got/],
    'an extension': ['{index}.MP4', /got one with \.MP4.*\.mp4 is added/],
    'a format where there is none': [
      '{index}{format}',
      /conflict: Expected output\.formats for \{format\}, got none/,
    ],
    'a track where there is none': ['{index}{track}', /audio_blocks/, { audio_blocks: undefined }],
    'a voice where there is none': ['{index}{voice}', /text_to_speech/, { text_to_speech: undefined }],
    'a language where there is none': [
      '{index}{language}',
      /a language/,
      { text_to_speech: [{ text: 'a', voice: 'b' }] },
    ],
    'a group where there is none': ['{index}{group}', /a group/],
    'names that are too long': [`{index}${'ö'.repeat(150)}`, /too_many: .*241 bytes/],
    'the same name for two videos': [
      '{block:ctas}',
      /repeated: .*got "buy\.mp4" for combinations 1 and 3\. Add \{n:hooks\} or \{index\} to the template/,
    ],
    'names that differ by capitals': [
      '{block:a}',
      /"Cat\.mp4" and "cat\.mp4", which some systems take for the same/,
      { video_blocks: { a: ['https://h/Cat.mp4', 'https://h/x/cat.mp4'] } },
    ],
    'names that differ by what is illegal': [
      '{block:a}',
      /got "a_b\.mp4" for combinations 1 and 2/,
      {
        video_blocks: {
          a: [
            { url: 'https://h/1', name: 'a:b' },
            { url: 'https://h/2', name: 'a?b' },
          ],
        },
      },
    ],
    'names that differ by what is cut': [
      '{block:a}{block:a}',
      /repeated/,
      {
        video_blocks: {
          a: ['x', 'y'].map((end) => ({ url: `https://h/${end}`, name: `${'a'.repeat(190)}${end}` })),
        },
      },
    ],
    'names without anything between values': [
      '{n:a}{index}{n:a}',
      /^$/,
      { video_blocks: { a: ['https://h/1', 'https://h/2'] } },
    ],
    'captions of two videos in one file': [
      '{voice}',
      /got "a\.en_US\.srt"/,
      {
        video_blocks: { a: ['https://h/a.mp4'] },
        text_to_speech: [
          { text: 'one', voice: 'a', language: 'en' },
          { text: 'two', voice: 'a.en_US' },
        ],
        captions: { mode: 'srt' },
        selection: { lines: 'each' },
      },
    ],
  };
  for (const [what, [template, says, change = {}, output = {}]] of Object.entries(refused)) {
    test(`is refused for ${what}`, () => {
      const said = refusal(template, change, output);
      assert.match(said, says);
      if (said !== '') assert.match(said, /^\/output\/file_name /);
    });
  }
});

describe('sub-folders of a task', () => {
  const lines = (...groups: (string | undefined)[]) => ({
    text_to_speech: groups.map((group, at) => ({ text: `line ${at}`, voice: 'Sarah', group })),
    selection: { lines: 'each' },
  });

  test('are named after groups and formats, as every system takes them', () => {
    const all = names('{index}', lines('de', ' Español. ', 'CON', '..', 'v1.5', '\u202ea/b'), {
      formats: ['9x16', { name: 'AUX', width: 64, height: 64 }],
    });
    const folders = [...new Set(all.map((name) => name.slice(0, name.lastIndexOf('/'))))];
    const groups = ['de', 'Español_', 'CON_', '__', 'v1_5', '_a_b'];
    assert.deepEqual(
      folders,
      groups.flatMap((group) => [`${group}/9x16`, `${group}/AUX_`]),
    );
  });

  test('are refused where two groups would share one', () => {
    for (const [one, other] of [
      ['de', 'DE'],
      ['é', 'e\u0301'],
      ['a:b', 'a?b'],
      ['straße', 'STRASSE'],
    ] as const) {
      assert.match(
        refusal('{index}', lines(one, undefined, one, other)),
        /^\/text_to_speech\/3\/group conflict: .*on some systems/,
      );
    }
    assert.match(refusal('{index}', {}, { formats: ['9x16', '9x16'] }), /^\/output\/formats\/1 repeated/);
  });

  test('are at most a hundred', () => {
    const many = lines(...Array.from({ length: 51 }, (_, at) => `group ${at}`));
    assert.equal(refusal('{index}', many), '');
    assert.match(
      refusal('{index}', many, { formats: ['9x16', '1x1'] }),
      /^\/text_to_speech too_many: .*at most 100 sub-folders, got 153/,
    );
  });
});

test('a language must be a real tag', () => {
  const text_to_speech = [{ text: 'a', voice: 'b', language: 'en-us-us' }];
  assert.match(refusal('{index}', { text_to_speech }), /^\/text_to_speech\/0\/language invalid/);
});
