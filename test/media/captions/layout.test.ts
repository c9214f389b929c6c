import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fontRuns, fontsFor, widthOf } from '../../../functions/media/captions/font-runs.ts';
import { blankBefore, type LaidWord, laidOut } from '../../../functions/media/captions/layout.ts';
import { seededRandom } from '../../../functions/model/random.ts';

const ROOM = { width: 600, height: 900, em: 69 };

function laid(text: string, room = ROOM) {
  const fonts = fontsFor('Montserrat', text);
  const words = text
    .split(' ')
    .map((word, number) => ({ runs: fontRuns(word, fonts), spaced: true, number }));
  return laidOut(words, fonts, room);
}

const textOf = (row: readonly LaidWord[]) =>
  row.map(({ runs }) => runs.map((run) => run.text).join('')).join(' ');
const widthIn = (row: readonly LaidWord[]) =>
  row.reduce((sum, word, at) => sum + widthOf(blankBefore(row, at)) + widthOf(word.runs), 0);

describe('laidOut', () => {
  test('leaves short text in one row at its size', () => {
    assert.deepEqual([laid('BUY NOW').rows.map(textOf), laid('BUY NOW').scale], [['BUY NOW'], 1]);
  });

  test('makes a row a little smaller before it breaks it', () => {
    const { rows, scale } = laid('FREE SHIPPING!!');
    assert.equal(rows.length, 1);
    assert.ok(scale < 1 && scale >= 0.85, String(scale));
  });

  test('breaks into rows of about the same width', () => {
    const { rows, scale } = laid('ORDER TODAY AND PAY LATER');
    assert.deepEqual([rows.map(textOf), scale], [['ORDER TODAY', 'AND PAY LATER'], 1]);
  });

  test('breaks a word that is too long, but none whose letters are joined', () => {
    const long = laid('RINDFLEISCHETIKETTIERUNGSÜBERWACHUNGSAUFGABENÜBERTRAGUNGSGESETZ');
    assert.ok(long.rows.length > 1 && long.scale >= 0.69, `${long.rows.length} rows at ${long.scale}`);
    const joined = laid('أفاستسقيناكموها'.repeat(3));
    assert.deepEqual([joined.rows.length, joined.scale < 0.69], [1, true]);
  });

  test('keeps within its room, whatever the words', () => {
    const next = seededRandom(7, 'rows');
    const letters = [
      'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
      'שחןמגטכעיצק',
      'ابتثجحخدذرزس',
      '今天免费送货立即订购',
      '🚀🔥✅',
      'กขคงจฉชซ',
    ];
    for (let round = 0; round < 300; round++) {
      const words = Array.from({ length: 1 + Math.floor(next() * 12) }, () => {
        const set = [...(letters[Math.floor(next() * letters.length)] as string)];
        return Array.from(
          { length: 1 + Math.floor(next() ** 3 * 40) },
          () => set[Math.floor(next() * set.length)],
        ).join('');
      });
      const room = { width: 100 + next() * 900, height: 100 + next() * 900, em: 10 + next() * 120 };
      const { rows, scale } = laid(words.join(' '), room);
      const widest = Math.max(...rows.map(widthIn)) * room.em * scale;
      assert.ok(widest <= room.width + 1e-6, `${widest} of ${room.width}: ${words.join(' ')}`);
      assert.equal(rows.map(textOf).join('').replaceAll(' ', ''), words.join(''));
    }
  });
});
