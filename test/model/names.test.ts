import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fileName, stem } from '../../functions/model/names.ts';
import { makePlan, type Plan } from '../../functions/model/plan.ts';

const ID = 'a1b2c3d4-0000-4000-8000-000000000000';

function planOf(...blocks: string[][]): Plan {
  return makePlan({
    blocks: blocks.map((urls) => ({ urls })),
    tracks: [],
    lines: [],
    output: { fit: 'contain' },
    sound: { originalVolume: 0, duck: true },
    seed: 1,
  });
}

function names(plan: Plan): string[] {
  return plan.combinations.map((combination) => fileName({ fileId: ID, plan }, combination));
}

describe('a file name', () => {
  test('has index, stems and six digits of the task id', () => {
    const plan = planOf(['https://h/hook.mp4?sig=1', 'https://h/other.mov'], ['https://h/x/body.v2.mp4']);
    assert.deepEqual(names(plan), ['0001-hook-body_v2-a1b2c3.mp4', '0002-other-body_v2-a1b2c3.mp4']);
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

describe('a stem', () => {
  const table: [url: string, stem: string][] = [
    ['https://h/a/clip%20one.mp4', 'clip_one'],
    ['https://h/%E6%98%A5.mov', '春'],
    ['https://h/..%2F..%2Fetc%2Fpasswd', 'etc_passwd'],
    ['https://h/-rf.mp4', 'rf'],
    ['https://h/%ZZ.mp4', 'ZZ'],
    ['https://h/', 'clip'],
    ['https://h/%00.mp4', 'clip'],
    [`https://h/${'x'.repeat(60)}.mp4`, 'x'.repeat(40)],
    ['https://h/video', 'video'],
  ];
  for (const [url, expected] of table) {
    test(`of ${url.slice(0, 50)} is ${expected}`, () => assert.equal(stem(url), expected));
  }
});

describe('the stem of a Drive link', () => {
  test('is the id of the file, because all links end the same way', () => {
    assert.equal(
      stem('https://drive.google.com/file/d/1AbC_dEfGhIjKlMnOpQrStUvWxYz0123/view?usp=sharing'),
      '1AbC_dEfGhIjKlMnOpQrStUvWxYz0123',
    );
    assert.equal(stem('https://drive.google.com/open?id=1AbCdEfGhIjKlMnOpQr'), '1AbCdEfGhIjKlMnOpQr');
  });

  test('is the name of the object for a bucket', () => {
    assert.equal(stem('gs://clips/deep/hook a.mov'), 'hook_a');
  });
});
