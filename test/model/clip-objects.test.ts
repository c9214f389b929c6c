import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { espeakVoice } from '../../functions/adapters/espeak/espeak.ts';
import { RequestError } from '../../functions/base/errors.ts';
import { makePlan } from '../../functions/model/make-plan.ts';
import { ownVolumeOf, trackVolumeOf } from '../../functions/model/plan.ts';
import { readRequest } from '../../functions/model/request.ts';

const URL = 'https://example.com/clip.mp4';
const LIMITS = { combinations: 100, sources: { buckets: [], ownBuckets: [] } };

function read(clip: object, more: object = {}) {
  const body = { task_name: 'parts', video_blocks: { a: [{ url: URL, ...clip }] }, ...more };
  return readRequest(body, LIMITS);
}

function mistakesOf(clip: object, more: object = {}): string[] {
  try {
    read(clip, more);
    return [];
  } catch (error) {
    assert.ok(error instanceof RequestError);
    return JSON.stringify(error).match(/\/(video|audio)_blocks[^"]*/g) ?? [];
  }
}

describe('a clip or track as an object', () => {
  test('is the same as another one only if all of it is, but for its name', () => {
    const warnings = (...clips: object[]) => {
      const urls = [{ url: URL, name: 'First', end_seconds: 2 }, ...clips];
      return read({}, { video_blocks: { a: urls } }).warnings.filter((warning) =>
        warning.includes('more than once'),
      );
    };
    assert.deepEqual(warnings({ url: URL, start_seconds: 2 }, URL as never), []);
    assert.deepEqual(warnings({ url: URL, end_seconds: 2, volume: 0.5 }), []);
    assert.equal(warnings({ url: URL, end_seconds: 2, name: 'Second' }).length, 1);
  });

  test('is refused if it ends before it begins, or within its first frame', () => {
    const END = ['/video_blocks/a/0/end_seconds'];
    assert.deepEqual(mistakesOf({ start_seconds: 2, end_seconds: 2 }), END);
    assert.deepEqual(mistakesOf({ start_seconds: 2, end_seconds: 1 }), END);
    assert.deepEqual(mistakesOf({ end_seconds: 0 }), END);
    assert.deepEqual(mistakesOf({ end_seconds: 0.01 }), END);
    assert.deepEqual(mistakesOf({ end_seconds: 0.02 }), []);
    assert.deepEqual(mistakesOf({ end_seconds: 0.02 }, { output: { fps: 30 } }), END);
    assert.deepEqual(mistakesOf({ end_seconds: 0.033 }, { output: { fps: 30 } }), []);
    const track = { audio_blocks: { m: [{ url: URL, start_seconds: 9, end_seconds: 8 }] } };
    assert.deepEqual(mistakesOf({}, track), ['/audio_blocks/m/0/end_seconds']);
  });

  test('has the name that it is given, made fit for files, with what looks like an extension', () => {
    assert.equal(read({ name: 'Hook v1.2' }).blocks[0]?.clips[0]?.name, 'Hook_v1_2');
    assert.deepEqual(mistakesOf({ name: '!!!' }), ['/video_blocks/a/0/name']);
  });

  test('is a source of its own for each part and volume, with one address', () => {
    const request = readRequest(
      {
        task_name: 'parts',
        video_blocks: { a: [URL, { url: URL, end_seconds: 1 }, { url: URL, volume: 0.5 }, { url: URL }] },
        audio_blocks: { m: [{ url: URL, volume: 2, start_seconds: 30 }] },
      },
      LIMITS,
    );
    const plan = makePlan({ ...request, seed: 1 });
    assert.equal(plan.sources.length, 4);
    assert.deepEqual(
      [0, 1, 2].map((number) => ownVolumeOf(plan, number)),
      [0, 0, 0.5],
    );
    assert.deepEqual([trackVolumeOf(plan, 3), trackVolumeOf(plan, null)], [2, 1]);
    assert.deepEqual(plan.sources[3], { ...plan.sources[3], trim: { startSeconds: 30 }, volume: 2 });
  });

  test('counts for the warning that a task is silent', () => {
    const isSilent = (clip: object, more: object = {}) => /silent/.test(read(clip, more).warnings.join());
    assert.equal(isSilent({}), true);
    assert.equal(isSilent({ volume: 1 }), false);
    assert.equal(isSilent({ volume: 0 }, { audio: { original_volume: 1 } }), true);
    assert.equal(isSilent({}, { audio_blocks: { m: [{ url: URL, volume: 0 }] } }), true);
    assert.equal(isSilent({}, { audio_blocks: { m: [{ url: URL, volume: 0.1 }] } }), false);
  });

  test('the language of a line chooses that of the built-in voice, unless the voice is one itself', () => {
    const known = new Set(['en', 'en-gb', 'de', 'pt-br']);
    const plain = espeakVoice('Sarah', known);
    assert.equal(espeakVoice('Sarah', known, 'en-US'), plain);
    assert.equal(espeakVoice('Sarah', known, 'de-AT'), plain.replace('en', 'de'));
    assert.equal(espeakVoice('Sarah', known, 'pt-BR'), plain.replace('en', 'pt-br'));
    assert.equal(espeakVoice('Sarah', known, 'xx'), plain);
    assert.equal(espeakVoice('de', known, 'pt-BR'), 'de');
  });
});
