/** The preview of captions is held against what burns them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { captionBox, edgesOf, emOf } from '../../functions/media/captions/caption-box.ts';
import { burnedCues, cuesOf } from '../../functions/media/captions/cues.ts';
import { FONTS, metricsOf } from '../../functions/media/captions/fonts.ts';
import { shownWords } from '../../functions/media/captions/shown-text.ts';
import { CAPTION_FONTS, type CaptionStyle, DEFAULT_CAPTION_STYLE } from '../../functions/model/captions.ts';
import { KNOWN_FORMATS } from '../../functions/model/formats.ts';
import { captionLook } from '../../functions/web/compose/caption-look.ts';
import { groupsOf, wordsOf } from '../../functions/web/compose/caption-words.ts';
import { NO_CAPTIONS } from '../../functions/web/compose/draft.ts';

const TEXTS = [
  'Hello world',
  'Stop scrolling! This is the only coffee grinder that you will ever need, and it ships today. Ready?',
  '[laughs] Well <break time="1s" /> that “was” quick – was it?',
  'Unbelievablylongwordswithoutanyblank are rare.',
  'これは新しいコーヒーミルです。今すぐ注文してください。',
];

describe('the preview of captions', () => {
  test('begins with the style that the service has by default', () => {
    const { mode, ...style } = NO_CAPTIONS;
    assert.deepEqual([mode, style], ['none', DEFAULT_CAPTION_STYLE]);
  });

  test('has letters, edges and place of the burned ones, in every format and size', () => {
    for (const format of Object.values(KNOWN_FORMATS)) {
      for (const size of [2, 10, 20]) {
        const frame = { ...format, style: { ...DEFAULT_CAPTION_STYLE, size } };
        const look = captionLook(format, { ...NO_CAPTIONS, size });
        const { outline, shadow } = edgesOf(emOf(frame));
        near(look.em, emOf(frame), 0.01);
        near(look.outline, outline, 0.01);
        near(look.shadow, shadow, 0.01);
        const box = captionBox(frame);
        for (const side of ['left', 'top', 'right', 'bottom'] as const) near(look.box[side], box[side], 2);
      }
    }
  });

  test('has rows as high as each font has', () => {
    const format = KNOWN_FORMATS['9x16'];
    for (const name of CAPTION_FONTS) {
      const font = FONTS.find((one) => one.name === name);
      assert.ok(font);
      const look = captionLook(format, { ...NO_CAPTIONS, font: name });
      const em = emOf({ ...format, style: DEFAULT_CAPTION_STYLE });
      near(look.em, em * (font.scale ?? 1), 0.01);
      near((look.lineHeight * look.em) / em, metricsOf(font).lineHeight, 0.01);
    }
  });

  test('gives dark letters a white outline', () => {
    const outlineOf = (colour: string) =>
      captionLook(KNOWN_FORMATS['9x16'], { ...NO_CAPTIONS, colour }).outlineColour;
    assert.deepEqual(['#ffffff', '#0000ff', '#ff0000'].map(outlineOf), ['#000000', '#ffffff', '#ffffff']);
  });

  test('shows the words of a text, in the groups in which they are burned', () => {
    for (const text of TEXTS) {
      const language = text.startsWith('これ') ? 'ja' : 'en';
      const words = wordsOf(text, language);
      const shown = shownWords(text, language);
      assert.deepEqual(
        words.map((word) => [word.text, word.spaced]),
        shown.map((word) => [word.text, word.spaced]),
      );
      for (const wordsPerLine of [1, 3, 12]) {
        assert.deepEqual(
          groupsOf(words, wordsPerLine, 10).map(textsOf),
          burned(text, language, wordsPerLine, 13),
        );
      }
    }
  });
});

/** With a voice that never pauses. */
function burned(
  text: string,
  language: string,
  wordsPerLine: CaptionStyle['wordsPerLine'],
  mostColumns: number,
): string[][] {
  const words = shownWords(text, language).map(({ text: word, spaced }, at) => ({
    text: word,
    spaced,
    start: at * 0.2,
    end: at * 0.2 + 0.2,
  }));
  return cuesOf(words, { ...burnedCues(wordsPerLine), mostColumns }).map(({ lines }) =>
    textsOf(lines.flat()),
  );
}

function textsOf(words: readonly { text: string }[]): string[] {
  return words.map((word) => word.text);
}

function near(got: number, wanted: number, most: number): void {
  assert.ok(Math.abs(got - wanted) <= most, `expected about ${wanted}, got ${got}`);
}
