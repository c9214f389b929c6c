import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { burnedCues, type Cue, cuesOf, SUBTITLES, textOf } from '../../../functions/media/captions/cues.ts';
import { shownWords } from '../../../functions/media/captions/shown-text.ts';
import { srtOf, vttOf } from '../../../functions/media/captions/subtitles.ts';
import type { CaptionWord } from '../../../functions/media/captions/words.ts';

/** A word takes 0.3 s, and as much more as its number in `pauses` says after it. */
function spoken(text: string, pauses: Readonly<Record<number, number>> = {}): CaptionWord[] {
  let start = 0;
  return shownWords(text).map(({ text: word, spaced }, at) => {
    const placed = { text: word, spaced, start, end: start + 0.3 };
    start += 0.3 + (pauses[at] ?? 0);
    return placed;
  });
}

function shown(cues: readonly Cue[]): string[] {
  return cues.map(({ lines }) => lines.map(textOf).join('|'));
}

const burned = (text: string, words = 3) => shown(cuesOf(spoken(text), burnedCues(words)));

describe('cuesOf, burned', () => {
  it('shows at most so many words and letters', () => {
    assert.deepEqual(burned('one two six ten a very extraordinary incomprehensibilities of'), [
      ...['one two six', 'ten a very', 'extraordinary', 'incomprehensibilities', 'of'],
    ]);
    assert.deepEqual(burned('one two six', 1), ['one', 'two', 'six']);
  });

  it('begins anew after a sentence and a pause', () => {
    assert.deepEqual(burned('Stop! Wait… “Really?” Yes: no'), ['Stop!', 'Wait…', '“Really?”', 'Yes: no']);
    const paused = spoken('one two six ten', { 1: 0.7, 2: 0.5 });
    assert.deepEqual(shown(cuesOf(paused, burnedCues(3))), ['one two', 'six ten']);
  });

  it('counts wide signs twice, and puts no blanks between them', () => {
    assert.deepEqual(burned('我们的新鞋子非常舒服，快来试试吧。', 12), [
      '我们的新鞋子非常',
      '舒服，快来试试',
      '吧。',
    ]);
  });
});

describe('cuesOf, subtitles', () => {
  it('has up to two lines of about one length', () => {
    const text = 'These are the shoes that everybody talks about, and they are yours from today on';
    assert.deepEqual(shown(cuesOf(spoken(text), SUBTITLES)), [
      'These are the shoes that everybody talks|about, and they are yours from today on',
    ]);
  });

  it('leaves a short sentence with the next one, and shows no cue for less than a second if there is room', () => {
    const cues = cuesOf(spoken('Yes. We do that too. And now', { 4: 2 }), SUBTITLES);
    assert.deepEqual(shown(cues), ['Yes. We do that too.', 'And now']);
    const [, last] = cues;
    assert.ok(Math.abs((last?.end ?? 0) - (last?.start ?? 0) - 1) < 1e-9);
  });

  it('shows none for more than seven seconds, nor beyond the end of the video', () => {
    const slow = spoken('one two six ten', { 0: 0.5, 1: 0.5, 2: 0.5 }).map((word) => ({
      ...word,
      start: word.start * 3,
      end: word.end * 3 + 1.2,
    }));
    const cues = cuesOf(slow, SUBTITLES, 8);
    assert.deepEqual(shown(cues), ['one two six', 'ten']);
    assert.ok(cues.every(({ start, end }) => end - start <= 7 && end <= 8));
  });
});

describe('subtitle files', () => {
  // What is left of markup that is not closed.
  const tricky = { text: 'Tom & <b Jerry {\\an8}', spaced: false, start: 0, end: 1 };
  const cues: Cue[] = [
    { start: 0.0004, end: 1.5, lines: [[tricky], spoken('--> second')] },
    { start: 3661.0096, end: 3662, lines: [spoken('最后。 👍🏽 شكرا')] },
  ];

  it('are SubRip, without what players take for markup', () => {
    assert.equal(
      srtOf(cues),
      '1\n00:00:00,000 --> 00:00:01,500\nTom & <\u200bb Jerry {\u200b\\an8}\n--> second\n' +
        '\n2\n01:01:01,010 --> 01:01:02,000\n最后。 👍🏽 شكرا\n',
    );
  });

  it('are WebVTT, escaped', () => {
    assert.equal(
      vttOf(cues),
      'WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nTom &amp; &lt;b Jerry {\\an8}\n--&gt; second\n' +
        '\n01:01:01.010 --> 01:01:02.000\n最后。 👍🏽 شكرا\n',
    );
  });
});
