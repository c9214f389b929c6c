import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type BurnedCaptions, captionFile } from '../../../functions/media/captions/ass.ts';
import type { CaptionWord } from '../../../functions/media/captions/words.ts';
import { wordsOf } from '../../../functions/media/captions/words.ts';
import { type CaptionStyle, DEFAULT_CAPTION_STYLE } from '../../../functions/model/captions.ts';

const STYLE = DEFAULT_CAPTION_STYLE;
const ALL = { from: 0, seconds: 60, width: 1080, height: 1920 };

/** A word each half second. */
function spoken(...texts: string[]): CaptionWord[] {
  return texts.map((text, at) => ({ text, spaced: true, start: at / 2, end: at / 2 + 0.4 }));
}

function fileOf(
  words: readonly CaptionWord[],
  style: Partial<CaptionStyle> = {},
  more: Partial<BurnedCaptions> = {},
): string {
  return captionFile({ words, style: { ...STYLE, ...style }, ...ALL, ...more }) ?? '';
}

interface Event {
  start: number;
  end: number;
  /** What is read of it. */
  text: string;
  /** What of it is in the colour of the spoken word. */
  lit: string;
}

function eventsOf(file: string, highlight = '&H00D7FF&'): Event[] {
  return file
    .split('\n')
    .filter((line) => line.startsWith('Dialogue: '))
    .map((line) => {
      const [, start = '', end = '', ...rest] = line.split(',');
      const text = rest.slice(6).join(',');
      const lit = text.split(`\\1c${highlight}}`)[1]?.split('{\\1c')[0] ?? '';
      return { start: secondsOf(start), end: secondsOf(end), text: bare(text), lit: bare(lit) };
    });
}

/** Without commands. */
function bare(text: string): string {
  return text.replaceAll(/(?<!\\)\{[^}]*\}/g, '').replaceAll('\u200f', '');
}

function secondsOf(clock: string): number {
  const [hours, minutes, seconds] = clock.split(':').map(Number) as [number, number, number];
  return hours * 3600 + minutes * 60 + seconds;
}

describe('captionFile', () => {
  test('shows the whole cue for each of its words, with that word lit, and without a gap', () => {
    const events = eventsOf(fileOf(spoken('buy', 'it', 'now')));
    assert.deepEqual(events, [
      { start: 0, end: 0.5, text: 'BUY IT NOW', lit: 'BUY' },
      { start: 0.5, end: 1, text: 'BUY IT NOW', lit: 'IT' },
      { start: 1, end: 1.4, text: 'BUY IT NOW', lit: 'NOW' },
    ]);
  });

  test('has as many words as are wanted', () => {
    const texts = (wordsPerLine: number) =>
      eventsOf(fileOf(spoken('a', 'b', 'c', 'd'), { wordsPerLine })).map(({ text }) => text);
    assert.deepEqual(texts(1), ['A', 'B', 'C', 'D']);
    assert.deepEqual(new Set(texts(2)), new Set(['A B', 'C D']));
  });

  test('counts times from the start of the clip', () => {
    const words = spoken('buy', 'it', 'now');
    const first = eventsOf(fileOf(words, {}, { from: 0, seconds: 0.7 }));
    const second = eventsOf(fileOf(words, {}, { from: 0.7, seconds: 5 }));
    assert.deepEqual(
      first.map(({ start, end, lit }) => [start, end, lit]),
      [
        [0, 0.5, 'BUY'],
        [0.5, 0.7, 'IT'],
      ],
    );
    // The word that the cut falls into goes on, in the same cue.
    assert.deepEqual(
      second.map(({ start, end, lit }) => [start, end, lit]),
      [
        [0, 0.3, 'IT'],
        [0.3, 0.7, 'NOW'],
      ],
    );
    assert.ok([...first, ...second].every(({ text }) => text === 'BUY IT NOW'));
  });

  test('is none if nothing is spoken while the clip is shown', () => {
    const words = spoken('buy', 'it', 'now');
    const of = (from: number, seconds: number) => captionFile({ words, style: STYLE, ...ALL, from, seconds });
    assert.equal(of(1.4, 5), undefined);
    assert.equal(captionFile({ words: [], style: STYLE, ...ALL }), undefined);
    assert.notEqual(of(1.39, 5), undefined);
  });

  test('lets a cue stay until the next one, if that is soon', () => {
    const words = [
      { text: 'one.', spaced: true, start: 0, end: 0.5 },
      { text: 'two.', spaced: true, start: 0.8, end: 1 },
      { text: 'three', spaced: true, start: 1.5, end: 2 },
    ];
    assert.deepEqual(
      eventsOf(fileOf(words)).map(({ start, end }) => [start, end]),
      [
        [0, 0.8],
        [0.8, 1],
        [1.5, 2],
      ],
    );
  });

  test('without a colour for the spoken word has one event per cue', () => {
    const events = eventsOf(fileOf(spoken('buy', 'it', 'now'), { highlight: null }));
    assert.deepEqual(events, [{ start: 0, end: 1.4, text: 'BUY IT NOW', lit: '' }]);
  });

  test('shows what looks like a command as text', () => {
    const hostile = String.raw`{\pos(0,0)}a\Nb\n\h{\fs999}`;
    const [event] = eventsOf(fileOf(spoken(hostile), { upperCase: false }));
    // Rows of ours end in \N. A zero-width blank is behind each backslash of the text, and libass takes \{ for a sign.
    const text = event?.text.split('\\N').join('') ?? '';
    assert.equal(text.replaceAll('\u200b', '').replaceAll(/\\([{}])/g, '$1'), hostile);
    assert.doesNotMatch(text, /\\(?![\u200b{}])/u);
    const lines = fileOf(spoken('a\nDialogue: 0,0:00:00.00,0:00:09.00,Caption,,0,0,0,,b\r\u2028c'));
    assert.equal(lines.match(/^Dialogue/gm)?.length, 1);
    assert.doesNotMatch(lines, /\r|\u2028/);
  });

  test('writes capitals as the language does', () => {
    const text = (word: string, language?: string, upperCase = true) =>
      eventsOf(fileOf(spoken(word), { upperCase }, language === undefined ? {} : { language }))[0]?.text;
    assert.equal(text('indirim', 'tr'), 'İNDİRİM');
    assert.equal(text('indirim', 'en'), 'INDIRIM');
    assert.equal(text('Straße'), 'STRASSE');
    assert.equal(text('δωρεάν'), 'ΔΩΡΕΑΝ');
    assert.equal(text('iPhone', 'en', false), 'iPhone');
    assert.equal(text('hello', 'no-such-language-anywhere'), 'HELLO');
  });

  test('begins each row of a line from right to left with a mark', () => {
    const { words } = wordsOf({ text: 'iPhone مجاني اليوم فقط', timing: null, seconds: 3 });
    const file = fileOf(words, { wordsPerLine: 12 });
    const rows = file
      .split('\n')
      .filter((line) => line.startsWith('Dialogue'))
      .flatMap((line) => line.split('\\N'));
    assert.ok(rows.length > 0 && rows.every((row) => row.includes('\u200f')));
    assert.doesNotMatch(fileOf(spoken('say', 'مجاني', 'now')), /\u200f/);
  });

  test('stands where it should, also in other shapes', () => {
    const place = (position: CaptionStyle['position'], width = 1080, height = 1920) =>
      /\\an(\d)\\pos\((\d+),(\d+)\)/
        .exec(fileOf(spoken('a'), { position }, { width, height }))
        ?.slice(1)
        .map(Number);
    const [top, middle, bottom] = [place('top'), place('middle'), place('bottom')];
    assert.deepEqual([top?.[0], middle?.[0], bottom?.[0]], [8, 5, 2]);
    assert.ok((top?.[2] ?? 0) >= 288 && (bottom?.[2] ?? 9999) <= 1248);
    assert.deepEqual(middle?.slice(1), [540, 960]);
    assert.ok((place('bottom', 1920, 1080)?.[2] ?? 9999) < 1080 * 0.92);
  });

  test('outlines dark letters in white', () => {
    const outline = (colour: string) =>
      /^Style: (.*)$/m.exec(fileOf(spoken('a'), { colour }))?.[1]?.split(',')[5];
    assert.deepEqual([outline('#ffffff'), outline('#101010')], ['&H00000000', '&H00FFFFFF']);
  });

  test('is the same for the same words', () => {
    assert.equal(fileOf(spoken('a', 'b')), fileOf(spoken('a', 'b')));
    assert.notEqual(fileOf(spoken('a', 'b')), fileOf(spoken('a', 'b'), { size: 11 }));
  });
});
