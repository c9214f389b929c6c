import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { wordsOf } from '../../../functions/adapters/elevenlabs/timing.ts';

/** One character every tenth of a second. */
function alignment(text: string) {
  const characters = [...text];
  return {
    characters,
    characterStartTimesSeconds: characters.map((_, at) => at / 10),
    characterEndTimesSeconds: characters.map((_, at) => (at + 1) / 10),
  };
}

describe('wordsOf', () => {
  it('gives each word from the start of its first character to the end of its last', () => {
    assert.deepEqual(wordsOf(alignment('Buy it!')), [
      { text: 'Buy', start: 0, end: 0.3 },
      { text: 'it!', start: 0.4, end: 0.7 },
    ]);
  });

  it('splits words at any number of blanks of any kind, and ignores blanks around the text', () => {
    const words = wordsOf(alignment(' one\n\ttwo \u00a0three '));
    assert.deepEqual(
      words?.map(({ text }) => text),
      ['one', 'two', 'three'],
    );
  });

  it('keeps characters of more than one code unit whole', () => {
    assert.deepEqual(wordsOf(alignment('ab 🎬')), [
      { text: 'ab', start: 0, end: 0.2 },
      { text: '🎬', start: 0.3, end: 0.4 },
    ]);
  });

  it('gives each character of a script without blanks a time of its own', () => {
    const words = wordsOf(alignment('新しい iPhone15を！'));
    assert.deepEqual(
      words?.map(({ text }) => text),
      ['新', 'し', 'い', 'iPhone15', 'を', '！'],
    );
  });

  const whole = alignment('one two');
  const UNUSABLE: readonly [title: string, alignment: Parameters<typeof wordsOf>[0]][] = [
    ['without an alignment', undefined],
    ['for an empty alignment', alignment('')],
    ['for blanks', alignment(' \n ')],
    ['if a start is missing', { ...whole, characterStartTimesSeconds: [0] }],
    ['if an end is missing', { ...whole, characterEndTimesSeconds: [1, 2, 3] }],
    ['if there are more times than characters', { ...whole, characters: ['o'] }],
    ['if a time is not a number', { ...whole, characterEndTimesSeconds: Array(7).fill(Number.NaN) }],
  ];
  for (const [title, given] of UNUSABLE) {
    it(`returns nothing ${title}`, () => assert.equal(wordsOf(given), null));
  }
});
