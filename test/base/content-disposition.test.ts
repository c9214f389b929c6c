import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { attachmentAs, inlineAs } from '../../functions/base/content-disposition.ts';

describe('the name of a file for a browser', () => {
  it('is plain where it can be', () => {
    assert.equal(inlineAs('0001-hook-1f0c9a.mp4'), 'inline; filename="0001-hook-1f0c9a.mp4"');
    assert.equal(attachmentAs('spring sale (1).zip'), 'attachment; filename="spring sale (1).zip"');
  });

  it('comes exactly beside a plain one, and breaks out of neither', () => {
    for (const name of [
      'ü.mp4',
      '春.mp4',
      '🎬.mp4',
      `a"; filename="b.exe`,
      "it's 100%*.mp4",
      'a\\b',
      'a\r\nx: y',
      '\ud800',
    ]) {
      const [, plain = '', exact = ''] =
        /^inline; filename="([\w .,()+-]*)"; filename\*=UTF-8''([\w.~%-]+)$/.exec(inlineAs(name)) ?? [];
      assert.equal(plain.length, name.length, name);
      assert.equal(decodeURIComponent(exact), name.toWellFormed());
    }
  });
});
