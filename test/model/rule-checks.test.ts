import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RequestError } from '../../functions/base/errors.ts';
import { makePlan } from '../../functions/model/make-plan.ts';
import { readRequest, type ValidRequest } from '../../functions/model/request.ts';

const url = (name: string) => `https://example.com/${name}.mp4`;
const valid = {
  task_name: 'rules',
  video_blocks: {
    hooks: [url('a'), { url: url('b'), name: 'Big sale' }, url('c')],
    ctas: [url('buy'), url('try')],
  },
  audio: { original_volume: 1 },
};
const LINES = ['one', 'two'].map((text) => ({ text, voice: 'v' }));

function read(change: object, combinations = 1_000): ValidRequest {
  return readRequest({ ...valid, ...change }, { combinations, sources: { buckets: [], ownBuckets: [] } });
}

/** Messages by pointer. */
function mistakes(change: object, combinations?: number): Record<string, string> {
  try {
    read(change, combinations);
  } catch (error) {
    assert.ok(RequestError.is(error), String(error));
    return Object.fromEntries(error.mistakes.map(({ pointer, message }) => [pointer, message]));
  }
  return {};
}

function videos(change: object): number {
  return makePlan({ ...read(change), seed: 1 }).combinations.length;
}

describe('a rule', () => {
  test('is one mistake if there is none', () => {
    for (const field of ['include', 'exclude'])
      assert.deepEqual(Object.keys(mistakes({ [field]: [] })), [`/${field}`]);
  });

  test('names clips by number, by the name of the file, and by their own name, as written or as shown', () => {
    for (const hook of [2, 'Big sale', 'Big_sale']) assert.equal(videos({ exclude: [{ hooks: hook }] }), 4);
    for (const hook of [1, 'a', 'a.mp4']) assert.equal(videos({ include: [{ hooks: hook, ctas: 2 }] }), 1);
  });

  test('of an unknown block or clip is refused with the nearest name', () => {
    assert.deepEqual(mistakes({ exclude: [{ hoks: 1 }] }), {
      '/exclude/0/hoks': 'Expected one of hooks, ctas, got the unknown block "hoks". Did you mean hooks?',
    });
    assert.deepEqual(mistakes({ include: [{ hooks: 'a' }, { ctas: 'bye' }] }), {
      '/include/1/ctas': 'Expected a clip of block "ctas", one of buy, try, got "bye". Did you mean buy?',
    });
    assert.match(mistakes({ exclude: [{ ctas: '2' }] })['/exclude/0/ctas'] ?? '', /without quotes/);
    assert.match(mistakes({ exclude: [{ ctas: 3 }] })['/exclude/0/ctas'] ?? '', /from 1 to 2, got 3/);
  });

  test('that leaves nothing is refused, one that changes nothing is told', () => {
    assert.match(mistakes({ exclude: [{ ctas: 1 }, { ctas: 2 }] })['/exclude'] ?? '', /leave none/);
    const all = { include: [{ ctas: 1 }], exclude: [{ ctas: 1 }] };
    assert.match(mistakes(all)['/exclude'] ?? '', /what include allows/);
    const vain = read({
      include: [{ hooks: 1 }, { ctas: 1 }],
      exclude: [{ hooks: 2, ctas: 2 }, { hooks: 1 }],
    });
    assert.deepEqual(
      vain.warnings.map((text) => text.split(':')[0]),
      ['/exclude/0', '/include/0'],
    );
  });
});

describe('the number of videos', () => {
  test('is that of combinations, with each track and line, in each format', () => {
    const change = {
      ...{ limit: 4, text_to_speech: LINES, audio_blocks: { m: [url('m'), url('n')] } },
      ...{ selection: { tracks: 'each', lines: 'each' }, output: { formats: ['9x16', '1x1'] } },
    };
    assert.equal(videos(change), 32);
    assert.deepEqual(mistakes(change, 31), {
      '/limit':
        'Expected at most 31 videos, got 32: 4 combinations (limit, of 6) x 2 tracks x 2 lines x 2 formats. ' +
        'Lower limit, ask for fewer tracks or lines or formats, or raise MAX_COMBINATIONS.',
    });
  });

  test('may be small of 10^30 combinations', () => {
    const block = Array.from({ length: 900 }, (_, at) => `https://h/${at}`);
    const many = Object.fromEntries(Array.from({ length: 10 }, (_, at) => [`b${at}`, block]));
    assert.equal(videos({ video_blocks: many, limit: 37 }), 37);
    assert.match(mistakes({ video_blocks: many })['/video_blocks'] ?? '', /got 3\.\d+e\+29: /);
  });
});

describe('selection', () => {
  test('of what there is not is refused', () => {
    const change = { selection: { tracks: 'each', lines: 'random' } };
    assert.deepEqual(Object.keys(mistakes(change)), ['/selection/tracks', '/selection/lines']);
  });

  test('of groups gives each of them every combination, of the same clips', () => {
    const text_to_speech = LINES.map((line, at) => ({ ...line, group: ['en', 'de'][at] }));
    assert.deepEqual(Object.keys(mistakes({ text_to_speech })), ['/selection/lines']);
    const plan = makePlan({ ...read({ text_to_speech, selection: { lines: 'each' } }), seed: 1 });
    assert.equal(plan.combinations.length, 12);
    assert.equal(plan.sources.filter(({ kind }) => kind === 'clip').length, 5);
    const [first, second] = [0, 1].map((at) =>
      plan.combinations.filter((_, index) => index % 2 === at).map(({ clips }) => clips),
    );
    assert.deepEqual(first, second);
    const some = [{ ...LINES[0], group: 'en' }, LINES[1]];
    assert.deepEqual(Object.keys(mistakes({ text_to_speech: some })), ['/text_to_speech/1/group']);
  });
});
