import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { create } from 'fontkitten';
import { fontRuns, fontsFor, shownText } from '../../../functions/media/captions/font-runs.ts';
import { FONTS, FONTS_DIR } from '../../../functions/media/captions/fonts.ts';

function runs(text: string, language?: string, chosen = 'Montserrat') {
  const missing = new Set<string>();
  const found = fontRuns(text, fontsFor(chosen, text, language), missing);
  return { found: found.map((run) => [run.font.name, run.text]), missing: [...missing] };
}

const fontsOf = (text: string, language?: string) => [
  ...new Set(runs(text, language).found.map(([name]) => name)),
];

describe('the font of a text', () => {
  test('is the chosen one for what it has', () => {
    assert.deepEqual(runs('Đặng, Бесплатно 9,99 € “Été”').found, [
      ['Montserrat', 'Đặng, Бесплатно 9,99 € “Été”'],
    ]);
    assert.deepEqual(runs('50% off', undefined, 'Noto Sans').found, [['Noto Sans', '50% off']]);
  });

  test('is another one for other scripts', () => {
    assert.deepEqual(fontsOf('Δωρεάν'), ['Noto Sans']);
    assert.deepEqual(fontsOf('مجاني،'), ['Noto Sans Arabic']);
    assert.deepEqual(fontsOf('חינם'), ['Noto Sans Hebrew']);
    assert.deepEqual(fontsOf('मुफ़्त'), ['Noto Sans Devanagari']);
    assert.deepEqual(fontsOf('ฟรี'), ['Noto Sans Thai']);
    assert.deepEqual(fontsOf('오늘무료'), ['Noto Sans KR']);
  });

  test('tells Chinese from Japanese, and the two ways to write Chinese', () => {
    assert.deepEqual(fontsOf('免费送货'), ['Noto Sans SC']);
    assert.deepEqual(fontsOf('免費送貨', 'zh-TW'), ['Noto Sans TC']);
    assert.deepEqual(fontsOf('免費送貨', 'zh-Hant-HK'), ['Noto Sans TC']);
    assert.deepEqual(fontsOf('今日は無料'), ['Noto Sans JP']);
    assert.deepEqual(fontsOf('無料', 'ja'), ['Noto Sans JP']);
    // What the font of the language does not have.
    assert.deepEqual(runs('送貨', 'zh-CN').missing, []);
  });

  test('has pictures, whole', () => {
    for (const picture of ['🚀', '❤️', '👍🏽', '🇩🇪', '1️⃣', '👩‍🚀', '👨‍👩‍👧']) {
      assert.deepEqual(runs(picture).found, [['Noto Emoji', picture]], picture);
    }
    // These are letters unless the text says otherwise, and a blank is no picture.
    assert.deepEqual(runs('🔥 1 ©').found, [
      ['Noto Emoji', '🔥'],
      ['Montserrat', ' 1 ©'],
    ]);
  });

  test('names what no font has, with the marks on it', () => {
    assert.deepEqual(runs('a ა b ა \u{13000}').missing, ['ა', '\u{13000}']);
    assert.deepEqual(runs('\ue000').missing, ['\ue000']);
  });

  test('shows nothing of invisible characters', () => {
    assert.equal(shownText('a\u200b\u202eb\u00ad\u2066c', { upperCase: false }), 'abc');
    assert.equal(shownText('e\u0301', { upperCase: true }), 'É');
  });
});

describe('the fonts', () => {
  test('are all in their folder, and nothing else', () => {
    assert.deepEqual(readdirSync(FONTS_DIR).toSorted(), FONTS.map(({ file }) => file).toSorted());
  });

  for (const { file, face } of FONTS) {
    test(`${file} has its name, and one table of characters for each kind of reader`, () => {
      const bytes = readFileSync(join(FONTS_DIR, file));
      const font = create(bytes);
      assert.equal('fullName' in font && font.fullName, face);
      const tables = characterTables(bytes);
      // libass 0.17.1 takes the first one, which lacks what is beyond 16 bits.
      assert.ok(!(tables.has('3,1') && tables.has('3,10')));
    });
  }
});

/** "platform,encoding" of each. https://learn.microsoft.com/en-us/typography/opentype/spec/cmap */
function characterTables(font: Buffer): Set<string> {
  const count = font.readUInt16BE(4);
  const entries = Array.from({ length: count }, (_, at) => 12 + 16 * at);
  const entry = entries.find((at) => font.toString('latin1', at, at + 4) === 'cmap') as number;
  const cmap = font.readUInt32BE(entry + 8);
  const tables = Array.from({ length: font.readUInt16BE(cmap + 2) }, (_, at) => cmap + 4 + 8 * at);
  return new Set(tables.map((at) => `${font.readUInt16BE(at)},${font.readUInt16BE(at + 2)}`));
}
