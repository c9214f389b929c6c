/** What the page says of a draft before anything is made. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { makePlan } from '../../functions/model/make-plan.ts';
import { fileName as nameOfVideo } from '../../functions/model/names.ts';
import { readRequest } from '../../functions/model/request.ts';
import { formulaOf, quickCount } from '../../functions/web/compose/counts.ts';
import {
  type Clip,
  type Draft,
  emptyDraft,
  newKey,
  newLine,
  type Upload,
} from '../../functions/web/compose/draft.ts';
import { estimateOf, longest } from '../../functions/web/compose/estimate.ts';
import { exampleName, templateValues } from '../../functions/web/compose/file-names.ts';
import { isWorthKeeping, pack, unpack } from '../../functions/web/compose/pack.ts';
import { emptyBlocks, readinessOf } from '../../functions/web/compose/readiness.ts';
import { requestOf, usedBlocks } from '../../functions/web/compose/request.ts';
import { wordsOf } from '../../functions/web/compose/rule-words.ts';

const LIMITS = { combinations: 10_000, sources: { buckets: [], ownBuckets: [] } };
const DAY_MS = 86_400_000;

function clip(name: string, changes: Partial<Clip> = {}): Clip {
  const source = { kind: 'link' as const, url: `https://example.com/${name}.mp4` };
  const none = { seconds: 7, poster: null, startSeconds: null, endSeconds: null, volume: null };
  return { key: newKey(), name, source, ...none, ...changes };
}

function file(name: string, upload: Upload, changes: Partial<Clip> = {}): Clip {
  return clip(name, { source: { kind: 'file', file: null, bytes: 1_000, upload }, ...changes });
}

function draftOf(blocks: Record<string, Clip[]>, changes: Partial<Draft> = {}): Draft {
  const named = Object.entries(blocks).map(([name, clips]) => ({ key: name, name, clips }));
  return { ...emptyDraft(), blocks: named, ...changes };
}

const some = (count: number, name: string) =>
  Array.from({ length: count }, (_, at) => clip(`${name}-${at + 1}`));

describe('the count of videos', () => {
  test('is the product of clips, of lines and music of each, and of formats', () => {
    const blocks = {
      Hooks: some(2, 'hook'),
      Bodies: some(3, 'body'),
      'Calls to action': some(1, 'cta'),
      Ends: [],
    };
    const draft = draftOf(blocks, {
      formats: ['9x16', '1x1'],
      lines: [newLine('One'), newLine('Two'), newLine(' ')],
      linesMode: 'each',
      tracks: some(2, 'song'),
    });
    assert.equal(quickCount(draft), 2 * 3 * 2 * 2);
    assert.equal(formulaOf(draft, null), '2 Hooks × 3 Bodies × 1 Call to action × 2 lines × 2 formats');
    assert.equal(quickCount(draftOf({ Hooks: [] })), 0);
  });

  test('says how many of all combinations are left by rules and limits', () => {
    const draft = draftOf({ Hooks: some(2, 'hook'), Bodies: some(3, 'body') }, { limit: 4 });
    assert.equal(quickCount(draft), 4);
    assert.equal(formulaOf(draft, null), '4 combinations');
    assert.equal(formulaOf(draft, { possible: 6, chosen: 4 }), '4 of 6 combinations');
  });

  test('calls one clip of a block by its singular, as far as that is plain', () => {
    const names = ['Bodies', 'hooks', 'USPs', 'Class', 'Körper', 'Calls to action'];
    const said = names.map((name) => formulaOf(draftOf({ [name]: some(1, 'a') }), null));
    assert.deepEqual(said, ['1 Body', '1 hook', '1 USP', '1 Class', '1 Körper', '1 Call to action']);
  });
});

describe('the estimate', () => {
  const selectionOf = (draft: Draft) => {
    const blocks = usedBlocks(draft);
    const chosen = blocks.reduce((all, { block }) => all * block.clips.length, 1);
    return {
      chosen,
      videos: chosen * draft.formats.length,
      blocks: blocks.map(({ name, block }) => ({
        name,
        clips: block.clips.map((one) => ({ name: one.name, uses: chosen / block.clips.length })),
      })),
    };
  };
  const estimate = (draft: Draft, work: Partial<Parameters<typeof estimateOf>[0]['work']> = {}) =>
    estimateOf({
      draft,
      selection: selectionOf(draft),
      processors: 2,
      work: { speech_usd: 0, encodes: 0, usd_per_compute_hour: 0, ...work },
    });
  const nine = { a: some(3, 'a'), b: some(3, 'b'), c: some(3, 'c') };

  test('comes near what was measured: 27 videos of 21 s, of nine clips of 7 s, in one format and in three', () => {
    const one = estimate(draftOf(nine));
    assert.equal(one.videoSeconds, 27 * 21);
    assert.ok(one.seconds > 40 && one.seconds < 75, `57 s were measured, got ${one.seconds}`);
    const three = estimate(draftOf(nine, { formats: ['9x16', '1x1', '16x9'] }));
    assert.ok(three.seconds > 70 && three.seconds < 140, `90 s were measured, got ${three.seconds}`);
  });

  test('is an upper end in round figures', () => {
    const said = [0.4, 11, 55, 65, 599, 700, 4_000].map((seconds) =>
      longest(seconds).replaceAll('\u00a0', ' '),
    );
    assert.deepEqual(said, ['10 s', '20 s', '1 min', '2 min', '10 min', '20 min', '1 h 10 min']);
  });

  test('has the price of speech, and of the hours of machines', () => {
    const priced = estimate(draftOf(nine), { speech_usd: 0.4, usd_per_compute_hour: 0.2 });
    assert.ok(priced.usd > 0.4 && priced.usd < 0.42, String(priced.usd));
    assert.equal(estimate(draftOf(nine)).usd, 0);
  });

  test('counts the part of a clip that is used, and says how many lengths it does not know', () => {
    const parts = [clip('a', { startSeconds: 1, endSeconds: 3 }), clip('b', { seconds: null })];
    const { videoSeconds, unknownClips } = estimate(draftOf({ a: parts }));
    assert.deepEqual([videoSeconds, unknownClips], [2 + 5, 1]);
  });

  test('is longer where captions are burned into clips once more', () => {
    const plain = estimate(draftOf(nine), { encodes: 9 });
    assert.ok(estimate(draftOf(nine), { encodes: 36 }).seconds > 2 * plain.seconds);
  });
});

describe('a draft', () => {
  const done = (at: number): Upload => ({ state: 'done', url: `upload:${'0'.repeat(32)}-a`, at });

  test('is ready once all its files are sent, and says what it waits for', () => {
    assert.deepEqual(readinessOf(emptyDraft()), { state: 'lacking', reason: 'Add a clip to begin.' });
    const draft = (upload: Upload) => draftOf({ Hooks: [clip('a'), file('b', upload)] });
    assert.deepEqual(readinessOf(draft(done(0))), { state: 'ready' });
    const sending = readinessOf(draft({ state: 'sending', sentBytes: 400 }));
    assert.deepEqual(sending, { state: 'sending', files: 1, bytes: 1_000, sentBytes: 400 });
    const failed = readinessOf(draft({ state: 'failed', message: 'No.' }));
    assert.deepEqual(failed, { state: 'lacking', reason: '“b” was not sent. Send again, or remove.' });
  });

  test('says which blocks are empty while others are not', () => {
    assert.deepEqual(emptyBlocks(draftOf({ Hooks: [clip('a')], Bodies: [] })), ['Bodies']);
    assert.deepEqual(emptyBlocks(draftOf({ Hooks: [], Bodies: [] })), []);
  });

  test('comes back as it was, without files that were not sent, or sent more than six days ago', () => {
    const now = 100 * DAY_MS;
    const [link, young] = [clip('link'), file('young', done(now - 5 * DAY_MS))];
    const [old, unsent] = [
      file('old', done(now - 7 * DAY_MS)),
      file('unsent', { state: 'sending', sentBytes: 1 }),
    ];
    const draft = draftOf(
      { Hooks: [link, young, old, unsent], Bodies: [] },
      { tracks: [unsent], lines: [newLine('Hi')] },
    );
    const back = unpack(pack(draft), now);
    assert.deepEqual(back?.lost, ['old', 'unsent', 'unsent']);
    assert.deepEqual(back?.draft, {
      ...draft,
      blocks: [{ ...draft.blocks[0], clips: [link, young] }, draft.blocks[1]],
      tracks: [],
    });
  });

  test('is kept without pictures if they are too large together', () => {
    const postersOf = (length: number) => {
      const poster = `data:${'x'.repeat(length)}`;
      const kept = unpack(pack(draftOf({ Hooks: [clip('a', { poster }), clip('b', { poster })] })), 0);
      return kept?.draft.blocks[0]?.clips.map((one) => one.poster?.length);
    };
    assert.deepEqual(postersOf(1_000), [1_005, 1_005]);
    assert.deepEqual(postersOf(600_000), [undefined, undefined]);
  });

  test('that is damaged, or of another version, is as good as none', () => {
    for (const text of [
      '',
      'null',
      '{}',
      '{"version":1}x',
      '{"version":0,"draft":{}}',
      '{"version":1,"draft":{"blocks":3}}',
      '{"version":1,"draft":{"lines":{}}}',
    ])
      assert.equal(unpack(text, 0), undefined, text);
  });

  test('is worth keeping as soon as the person has put anything into it', () => {
    assert.equal(isWorthKeeping(emptyDraft()), false);
    assert.equal(isWorthKeeping({ ...emptyDraft(), lines: [newLine(' ')] }), false);
    assert.equal(isWorthKeeping({ ...emptyDraft(), name: 'Sale' }), true);
    assert.equal(isWorthKeeping(draftOf({ Hooks: [clip('a')] })), true);
  });
});

describe('a rule in words', () => {
  const draft = draftOf({ Hooks: some(2, 'hook'), Bodies: some(2, 'body') });
  const used = usedBlocks(draft);
  const keyOf = (block: number, place: number) => draft.blocks[block]?.clips[place]?.key as string;

  test('says which videos it concerns', () => {
    const clips = { Hooks: keyOf(0, 1), Bodies: keyOf(1, 0) };
    const exclude = wordsOf({ key: '1', kind: 'exclude', clips }, used, false);
    assert.deepEqual(exclude, {
      words: 'No video has “hook-2” (Hooks) and “body-1” (Bodies) together.',
      isSent: true,
    });
    const include = wordsOf(
      { key: '1', kind: 'include', clips: { Hooks: keyOf(0, 0), Bodies: '' } },
      used,
      false,
    );
    assert.equal(include.words, 'Only videos with “hook-1” (Hooks) are made.');
  });

  test('says that it does nothing yet, or any more', () => {
    assert.deepEqual(wordsOf({ key: '1', kind: 'exclude', clips: {} }, used, false), {
      words: 'Choose a clip: until then, this rule does nothing.',
      isSent: false,
    });
    assert.match(
      wordsOf({ key: '1', kind: 'exclude', clips: { Hooks: 'gone' } }, used, false).words,
      /is gone/,
    );
  });
});

describe('the example of a file name', () => {
  test('is that of the first video, but for the id', () => {
    const lines = [{ ...newLine('Hello'), voice: 'Anna', language: 'de', group: 'German' }];
    const drafts = [
      draftOf({ Hooks: [clip('dog & cat.mp4')], Bodies: [clip('Ünïcode ✨ (v1.2)')] }),
      draftOf({ Hooks: [clip('a')] }, { formats: ['9x16', '1x1'] }),
      draftOf({ Hooks: [clip('a')] }, { formats: [], fileName: '{task}-{{x}}-{n:Hooks}-{id}' }),
      draftOf(
        { Hooks: [clip('a')], 'Calls to action': [clip('b')] },
        {
          name: 'Sale',
          tracks: [clip('song')],
          formats: ['1x1', '9x16'],
          lines,
          fileName: '{format}_{block:Calls to action}_{track}_{line}_{voice}_{language}_{group}_{index}',
        },
      ),
    ];
    for (const draft of drafts) {
      const valid = readRequest(requestOf(draft, { voice: 'Sarah', isTrial: true }), LIMITS);
      const plan = makePlan({ ...valid, seed: 1 });
      const [first] = plan.combinations;
      assert.ok(first);
      const real = nameOfVideo({ name: valid.taskName, plan, fileId: '3f9c2a00' }, first);
      assert.equal(exampleName(draft, 'Sarah'), real);
    }
  });

  test('can be made of every value that is offered', () => {
    const draft = draftOf(
      { Hooks: [clip('a')], 'Odd {name}': [clip('b')] },
      { tracks: [clip('song')], lines: [{ ...newLine('Hello'), language: 'de', group: 'German' }] },
    );
    const fileName = templateValues(draft)
      .map(({ token }) => token)
      .join('-');
    assert.match(fileName, /\{block:Hooks\}.*\{group\}.*\{id\}$/);
    const request = requestOf({ ...draft, fileName }, { voice: 'Sarah', isTrial: true });
    assert.doesNotThrow(() => makePlan({ ...readRequest(request, LIMITS), seed: 1 }));
    assert.doesNotMatch(exampleName({ ...draft, fileName }, 'Sarah'), /[{}]/);
  });
});
