import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readRequest } from '../../functions/model/request.ts';
import { dayAndTime } from '../../functions/web/compose/day-and-time.ts';
import {
  type Clip,
  type Draft,
  emptyDraft,
  type Line,
  NO_CAPTIONS,
  newKey,
} from '../../functions/web/compose/draft.ts';
import { placedMistakes } from '../../functions/web/compose/mistakes.ts';
import { requestOf, withoutPending } from '../../functions/web/compose/request.ts';

const LIMITS = { combinations: 1_000_000, sources: { buckets: [], ownBuckets: [] } };
const TRIAL = { voice: 'Sarah', isTrial: true };
const REAL = { ...TRIAL, isTrial: false };
const UPLOADED = `upload:${'0'.repeat(32)}-hook-a`;

let keys = 0;

function link(name: string, changes: Partial<Clip> = {}): Clip {
  keys += 1;
  const url = `https://example.com/${encodeURIComponent(name)}`;
  const none = { seconds: null, poster: null, startSeconds: null, endSeconds: null, volume: null };
  return { key: `clip${keys}`, name, source: { kind: 'link', url }, ...none, ...changes };
}

function file(name: string, upload: (Clip['source'] & { kind: 'file' })['upload']): Clip {
  return link(name, { source: { kind: 'file', file: null, bytes: 1_000, upload } });
}

function line(text: string, changes: Partial<Line> = {}): Line {
  keys += 1;
  return { key: `line${keys}`, text, voice: '', speed: null, language: '', group: '', ...changes };
}

function draftOf(blocks: Record<string, Clip[]>, changes: Partial<Draft> = {}): Draft {
  const named = Object.entries(blocks).map(([name, clips]) => ({ key: `block ${name}`, name, clips }));
  return { ...emptyDraft(), seed: 7, begun: '2026-11-30 14-05', blocks: named, ...changes };
}

describe('the request of a draft', () => {
  test('has nothing but the clips, the format that was chosen and the seed of the plan', () => {
    const draft = draftOf({ Hooks: [link('a.mp4'), link('b.mp4')], Bodies: [link('c.mp4')] });
    assert.deepEqual(requestOf(draft, REAL), {
      task_name: 'My ads 2026-11-30 14-05',
      video_blocks: [
        { name: 'Hooks', urls: ['https://example.com/a.mp4', 'https://example.com/b.mp4'] },
        { name: 'Bodies', urls: ['https://example.com/c.mp4'] },
      ],
      output: { formats: ['9x16'] },
      seed: 7,
    });
  });

  test('has every choice that differs from what is usual', () => {
    const [a, b] = [
      link('a.mp4', { name: 'Dog', startSeconds: 0.5, endSeconds: 2.00049, volume: 1 }),
      link('b.mp4'),
    ];
    const draft = draftOf(
      { Hooks: [a, b] },
      {
        name: ' spring sale ',
        tracks: [link('song.mp3')],
        lines: [
          line(' Hello '),
          line('Hallo', { voice: 'Anna', speed: 1.1, language: 'de', group: 'German' }),
        ],
        tracksMode: 'each',
        linesMode: 'each',
        formats: ['9x16', '1x1'],
        fit: 'blur',
        captions: { ...NO_CAPTIONS, mode: 'burn', size: 8, highlight: null },
        cover: true,
        originalVolume: 0.2,
        musicDb: -3,
        fileName: '{task}-{index}',
        targets: ['reels'],
        rules: [{ key: 'rule', kind: 'exclude', clips: { 'block Hooks': b.key } }],
        limit: 1,
      },
    );
    assert.deepEqual(requestOf(draft, REAL), {
      task_name: 'spring sale',
      video_blocks: [
        {
          name: 'Hooks',
          urls: [
            { url: 'https://example.com/a.mp4', name: 'Dog', start_seconds: 0.5, end_seconds: 2, volume: 1 },
            'https://example.com/b.mp4',
          ],
        },
      ],
      audio_blocks: [{ name: 'music', urls: ['https://example.com/song.mp3'] }],
      text_to_speech: [
        { text: 'Hello', voice: 'Sarah' },
        { text: 'Hallo', voice: 'Anna', speed: 1.1, language: 'de', group: 'German' },
      ],
      output: { formats: ['9x16', '1x1'], fit: 'blur', file_name: '{task}-{index}' },
      audio: { original_volume: 0.2, music_db: -3 },
      captions: { mode: 'burn', size: 8, highlight: null },
      cover: {},
      selection: { tracks: 'each', lines: 'each' },
      limit: 1,
      exclude: [{ Hooks: 2 }],
      targets: ['reels'],
      seed: 7,
    });
  });

  test('leaves out empty blocks, empty lines, and what belongs to lines and music that are not there', () => {
    const draft = draftOf(
      { Hooks: [link('a.mp4')], Bodies: [] },
      {
        lines: [line('  ')],
        linesMode: 'each',
        tracksMode: 'each',
        captions: { ...NO_CAPTIONS, mode: 'burn' },
        formats: [],
      },
    );
    const { seed, task_name, ...rest } = requestOf(draft, REAL);
    assert.deepEqual([seed, task_name], [7, 'My ads 2026-11-30 14-05']);
    assert.deepEqual(rest, { video_blocks: [{ name: 'Hooks', urls: ['https://example.com/a.mp4'] }] });
  });

  test('names a task that the person did not name by the day and time at which it was begun', () => {
    assert.equal(dayAndTime(new Date(2026, 10, 3, 4, 5, 59)), '2026-11-03 04-05');
    const nameOf = (changes: Partial<Draft>) =>
      requestOf(draftOf({ a: [link('a')] }, changes), REAL).task_name;
    assert.equal(nameOf({ begun: '2026-12-01 09-30' }), 'My ads 2026-12-01 09-30');
    assert.equal(nameOf({ name: ' Sale ' }), 'Sale');
  });

  test('gives each block a name of its own', () => {
    const draft = draftOf({});
    const clips = () => [link('a.mp4')];
    const blocks = ['Ads', ' Ads', '', 'Ads 2', ''].map((name, at) => ({
      key: String(at),
      name,
      clips: clips(),
    }));
    const { video_blocks: sent } = requestOf({ ...draft, blocks }, REAL);
    assert.deepEqual(
      (sent as { name: string }[]).map(({ name }) => name),
      ['Ads', 'Ads 2', 'Block 3', 'Ads 2 2', 'Block 5'],
    );
  });

  test('names an upload by what the person calls the clip, without the extension of its file', () => {
    const done = { state: 'done' as const, url: UPLOADED, at: 0 };
    const draft = draftOf({ Hooks: [file('Hook A', done), file('v1.2.MOV', done), file('.mp4', done)] });
    const { video_blocks: sent } = requestOf(draft, REAL);
    const urls = [{ url: UPLOADED, name: 'Hook A' }, { url: UPLOADED, name: 'v1.2' }, UPLOADED];
    assert.deepEqual(sent, [{ name: 'Hooks', urls }]);
  });

  test('is not made while a file is not sent, but its plan is, and stays the same when it is', () => {
    const waiting = file('My dog #1.mp4', { state: 'waiting' });
    const draft = (clip: Clip) => draftOf({ Hooks: [clip] });
    assert.throws(() => requestOf(draft(waiting), REAL), /Expected My dog #1\.mp4 to have been sent/);
    const before = requestOf(draft(waiting), TRIAL);
    const sent = {
      ...waiting,
      source: { ...waiting.source, upload: { state: 'done', url: UPLOADED, at: 0 } },
    };
    assert.deepEqual(requestOf(draft(sent as Clip), TRIAL), before);
    const read = readRequest({ ...before, dry_run: true }, LIMITS);
    assert.equal(read.blocks[0]?.clips[0]?.name, 'My_dog_1');
  });

  test('has no rule that says nothing, or names a clip or block that is gone', () => {
    const [a, b] = [link('a.mp4'), link('b.mp4')];
    const rule = (clips: Record<string, string>) => ({
      key: JSON.stringify(clips),
      kind: 'exclude' as const,
      clips,
    });
    const rules = [
      rule({}),
      rule({ 'block Hooks': '' }),
      rule({ 'block Hooks': 'gone' }),
      rule({ 'block Hooks': a.key, 'block Bodies': 'gone' }),
      rule({ 'block Hooks': a.key, 'block Bodies': '' }),
    ];
    const draft = draftOf({ Hooks: [a, b], Bodies: [link('c.mp4')] }, { rules });
    assert.deepEqual(requestOf(draft, REAL).exclude, [{ Hooks: 1 }]);
  });

  test('passes the checks of the service, whatever is chosen', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const draft = anyDraft(randomOf(seed));
      for (const options of [TRIAL, REAL]) {
        const request = requestOf(draft, options);
        assert.doesNotThrow(
          () => readRequest(JSON.parse(JSON.stringify(request)), LIMITS),
          JSON.stringify(request),
        );
      }
    }
  });
});

describe('a mistake that the service finds', () => {
  test('is shown where the person can mend it', () => {
    const [a, b] = [link('a.mp4'), link('b.mp4')];
    const lines = [line(''), line('Hello')];
    const rules = [
      { key: 'nothing', kind: 'exclude' as const, clips: {} },
      { key: 'rule', kind: 'exclude' as const, clips: { 'block Bodies': b.key } },
    ];
    const song = link('song.mp3');
    const draft = draftOf({ Hooks: [], Bodies: [a, b] }, { lines, rules, tracks: [song] });
    const at = (pointer: string) => {
      const [placed] = placedMistakes([{ pointer, message: 'Expected.' }], draft);
      return [placed?.at, placed?.about];
    };
    assert.deepEqual(at('/video_blocks/0/urls/1/url'), [`clip:${b.key}`, 'Bodies, b.mp4']);
    assert.deepEqual(at('/audio_blocks/0/urls/0'), [`clip:${song.key}`, 'Music, song.mp3']);
    assert.deepEqual(at('/text_to_speech/0/language'), [`line:${lines[1]?.key}`, 'Line 2']);
    assert.deepEqual(at('/exclude/0/Bodies'), ['rule:rule', 'Rule 2']);
    assert.deepEqual(at('/exclude'), ['rules', 'Rules']);
    assert.deepEqual(at('/output/file_name'), ['fileName', 'File names']);
    assert.deepEqual(at('/output/formats/0'), ['formats', 'Formats']);
    assert.deepEqual(at('/captions/font'), ['captions', 'Captions']);
    assert.deepEqual(at('/video_blocks'), ['', '']);
    assert.deepEqual(at(''), ['', '']);
  });

  test('has no address that stands for a file', () => {
    const draft = draftOf({ Hooks: [file('My dog.mp4', { state: 'waiting' })] });
    const [first] = (requestOf(draft, TRIAL).video_blocks as { urls: { url: string }[] }[])[0]?.urls ?? [];
    assert.equal(
      withoutPending(`block "Hooks" has ${first} more than once`),
      'block "Hooks" has My dog.mp4 more than once',
    );
  });
});

/** Draws from `list`, always the same for one seed. */
type Draw = <T>(list: readonly T[]) => T;

function randomOf(seed: number): Draw {
  let state = seed;
  return (list) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return list[Math.floor((state / 2 ** 32) * list.length)] as (typeof list)[number];
  };
}

const NAMES = [
  'a.mp4',
  'Ünïcode ✨ clip.mov',
  '...',
  '   ',
  '{n:x}',
  'x'.repeat(500),
  '“quoted”',
  '#1',
  '100%',
  '../up',
];

function anyDraft(draw: Draw): Draft {
  const some = <T>(most: number, make: () => T): T[] => Array.from({ length: draw(range(most + 1)) }, make);
  const number = (list: readonly number[]) => draw(list);
  const clip = (): Clip => {
    const [start, length] = [draw([null, 0, 0.1234567, 5]), number([0.5, 1.00049, 30])];
    const part = {
      startSeconds: start,
      endSeconds: draw([null, (start ?? 0) + length]),
      volume: draw([null, 0, 0.5, 2]),
    };
    const name = draw(NAMES);
    return draw([
      () => link('some%20link.mp4', { ...part, name }),
      () => ({ ...file(name, { state: 'done', url: UPLOADED, at: 0 }), ...part }),
    ])();
  };
  const blocks = [
    { key: 'first', name: draw(NAMES), clips: [clip(), ...some(3, clip)] },
    ...some(3, () => ({ key: newKey(), name: draw(NAMES), clips: some(3, clip) })),
  ];
  const anyRule = () => ({
    key: newKey(),
    kind: 'include' as const,
    clips: Object.fromEntries(
      blocks.map(({ key, clips }) => [key, draw(['', 'gone', ...clips.map((one) => one.key)])]),
    ),
  });
  const group = draw(['', 'de']);
  return {
    ...emptyDraft(),
    name: draw(NAMES),
    blocks,
    tracks: some(2, clip),
    lines: some(3, () =>
      line(draw(['', ' ', 'Hello', 'Wörld [laughs]', 'x'.repeat(5_000)]), {
        voice: draw(['', ' Sarah ', 'de']),
        speed: draw([null, 0.7, 1.2]),
        language: draw(['', 'en', 'pt-BR']),
        group,
      }),
    ),
    tracksMode: draw(['random', 'each']),
    linesMode: draw(['random', 'each']),
    formats: draw([[], ['9x16'], ['1x1', '16x9', '4x5', '9x16']]),
    fit: draw(['contain', 'cover', 'blur']),
    captions: {
      ...NO_CAPTIONS,
      mode: draw(['none', 'srt', 'track', 'burn']),
      font: draw(['Montserrat', 'Noto Sans JP']),
      size: draw([2, 10, 20]),
      highlight: draw([null, '#00ff00', '#ffd700']),
      position: draw(['top', 'middle', 'bottom']),
      upperCase: draw([true, false]),
    },
    cover: draw([true, false]),
    originalVolume: draw([0, 0.5, 1]),
    musicDb: draw([-20, 0, 6]),
    fileName: draw(['', '{task}-{index}', ' {index} ']),
    targets: draw([[], ['reels', 'tiktok', 'shorts', 'demand_gen']]),
    rules: some(2, anyRule),
    limit: draw([null, 1, 1_000_000]),
  };
}

function range(length: number): number[] {
  return Array.from({ length }, (_, at) => at);
}
