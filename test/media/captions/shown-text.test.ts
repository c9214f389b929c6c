import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { shownWords } from '../../../functions/media/captions/shown-text.ts';

const SHOWN: readonly [title: string, text: string, words: string[], language?: string][] = [
  ['words between blanks of any kind', ' Buy\nnow,\tor\u00a0never! ', ['Buy', 'now,', 'or', 'never!']],
  ['marks that stand alone, with the word before them', 'Good — very good !', ['Good —', 'very', 'good !']],
  ['marks that open, with the word behind them', '¿ Sí ? « Oui »', ['¿ Sí ?', '« Oui »']],
  ['no directions for the voice', '[laughs] Hello [strong French accent]you[1]', ['Hello', 'you[1]']],
  [
    'no markup',
    '<speak>Wait<break time="1.5s"/>for <phoneme alphabet="ipa" ph="x">it</phoneme>.</speak>',
    ['Wait', 'for', 'it .'],
  ],
  ['what only looks like markup', '2 < 3 > 1 & {so} <3', ['2', '<', '3', '>', '1', '&', '{so}', '<3']],
  ['no control characters and halves of characters', 'a\u0000b\ud800 c\u0085d', ['a', 'b', 'c', 'd']],
  ['emoji whole', 'Wow 👨‍👩‍👧 👍🏽 🏴󠁧󠁢󠁥󠁮󠁧󠁿!', ['Wow', '👨‍👩‍👧', '👍🏽', '🏴󠁧󠁢󠁥󠁮󠁧󠁿!']],
  ['Arabic in its order', 'اشترِ الآن، من فضلك!', ['اشترِ', 'الآن،', 'من', 'فضلك!']],
  ['Hebrew', 'שלום, עולם', ['שלום,', 'עולם']],
  ['Hindi', 'अभी खरीदें।', ['अभी', 'खरीदें।']],
  ['Korean', '지금 사세요!', ['지금', '사세요!']],
  ['Chinese', '我们的新鞋子，很舒服。', ['我们', '的', '新', '鞋子，', '很', '舒服。'], 'zh'],
  ['Japanese', '「今日」は、iPhone15を。', ['「今日」', 'は、', 'iPhone15', 'を。'], 'ja'],
  ['Thai', 'รองเท้าใหม่ของเรา', ['รองเท้า', 'ใหม่', 'ของ', 'เรา'], 'th'],
  ['words also in a language that nobody knows', '新鞋子', ['新', '鞋子'], 'xx-notatag-zzzzzzzzzzz'],
  ['nothing of a text without words', ' … [sighs] — ', []],
];

describe('shownWords', () => {
  for (const [title, text, words, language] of SHOWN) {
    it(`gives ${title}`, () => {
      const shown = shownWords(text, language);
      assert.deepEqual(
        shown.map((word) => word.text),
        words,
      );
      for (const { from, to } of shown) assert.ok(from < to && to <= text.length);
    });
  }

  it('says where a blank stands before a word', () => {
    const spaced = shownWords('买 新鞋子 now', 'zh').map(({ text, spaced }) => `${spaced ? '_' : ''}${text}`);
    assert.deepEqual(spaced, ['_买', '_新', '鞋子', '_now']);
  });
});
