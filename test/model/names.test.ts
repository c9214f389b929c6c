import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isPlainName } from '../../functions/adapters/shared/plain-name.ts';
import { makePlan } from '../../functions/model/make-plan.ts';
import { fileName, sideFileName } from '../../functions/model/names.ts';
import type { Plan } from '../../functions/model/plan.ts';
import { PLAIN_OUTPUT, PLAIN_SOUND } from '../fixtures/media/plain-choices.ts';
import { addressOf } from '../fixtures/network/source-address.ts';

const ID = 'a1b2c3d4-0000-4000-8000-000000000000';

function planOf(...blocks: string[][]): Plan {
  return makePlan({
    blocks: blocks.map((urls, at) => ({ name: `block ${at}`, clips: urls.map((url) => addressOf(url)) })),
    tracks: [],
    lines: [],
    output: PLAIN_OUTPUT,
    sound: PLAIN_SOUND,
    seed: 1,
  });
}

function names(plan: Plan): string[] {
  return plan.combinations.map((combination) => fileName({ name: 'Sale', fileId: ID, plan }, combination));
}

describe('a file name', () => {
  test('has index, the names of its clips and six digits of the task id', () => {
    const plan = planOf(['https://h/hook.mp4?sig=1', 'https://h/other.mov'], ['https://h/x/body.v2.mp4']);
    assert.deepEqual(names(plan), ['0001-hook-body_v2-a1b2c3.mp4', '0002-other-body_v2-a1b2c3.mp4']);
  });

  test('contains nothing that is not seen, or that turns the text around', () => {
    const hidden = encodeURIComponent('a\u202eb\x1b\x9b\u2066c\u200e\u061c\u2028d\u200b');
    assert.deepEqual(names(planOf([`https://h/${hidden}.mp4`])), ['0001-a_b_c_d-a1b2c3.mp4']);
    // Unicode counts these fillers and joiners as letters and accents.
    const fillers = encodeURIComponent('a\u3164\u115f\uffa0b\u034fc\u17b4d\u180e');
    const [filled] = names(planOf([`https://h/${fillers}.mp4`]));
    assert.equal(filled, '0001-a_b_c_d-a1b2c3.mp4');
    assert.ok(isPlainName(filled ?? ''));
  });

  test('pads the index to the width of the total', () => {
    const plan = planOf(Array.from({ length: 12_345 }, (_, at) => `https://h/${at}.mp4`));
    assert.match(names(plan)[0] ?? '', /^00001-/);
  });

  test('stays within 255 bytes with ten blocks of long names in any alphabet', () => {
    const long = `https://h/${encodeURIComponent('日本語の動画'.repeat(20))}.mp4`;
    const [name] = names(planOf(...Array.from({ length: 10 }, () => [long])));
    assert.ok(Buffer.byteLength(name ?? '') <= 255, name);
    assert.doesNotMatch(name ?? '', /\uFFFD/);
  });
});

describe('the name of a file beside a video', () => {
  test('pairs with the video, in its sub-folder', () => {
    const video = 'de/9x16/0001-a.b_9x16.mp4';
    assert.equal(sideFileName(video, 'cover'), 'de/9x16/0001-a.b_9x16_thumbnail.jpg');
    assert.equal(sideFileName(video, 'cover', 'de'), 'de/9x16/0001-a.b_9x16_thumbnail.jpg');
    assert.equal(sideFileName(video, 'srt'), 'de/9x16/0001-a.b_9x16.srt');
    assert.equal(sideFileName('a.mp4', 'vtt', 'pt-BR'), 'a.pt_BR.vtt');
  });

  test('has language and region as Facebook takes them, whatever tag the request schema lets through', () => {
    const locales = {
      en: 'en_US',
      de: 'de_DE',
      'en-GB': 'en_GB',
      pt: 'pt_BR',
      'zh-Hant': 'zh_TW',
      'es-419': 'es_419',
      ar: 'ar_AR',
      'AR-eg': 'ar_EG',
      xx: 'xx',
      'sr-Latn-RS': 'sr_RS',
      fil: 'fil_PH',
      'en-a1': 'en_a1',
    };
    for (const [tag, locale] of Object.entries(locales)) {
      assert.equal(sideFileName('a.mp4', 'srt', tag), `a.${locale}.srt`, tag);
    }
  });
});
