import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { wordsOf as timingOf } from '../../../functions/adapters/elevenlabs/timing.ts';
import { cuesOf, SUBTITLES } from '../../../functions/media/captions/cues.ts';
import { type CaptionWord, placedWords, wordsOf } from '../../../functions/media/captions/words.ts';

const EACH = 0.06;

/** As ElevenLabs times a text: one character every 60 ms. */
function told(text: string) {
  const characters = [...text];
  const timing = timingOf({
    characters,
    characterStartTimesSeconds: characters.map((_, at) => at * EACH),
    characterEndTimesSeconds: characters.map((_, at) => (at + 1) * EACH),
  });
  return { text, timing, seconds: characters.length * EACH };
}

function starts(words: readonly CaptionWord[]): Record<string, number> {
  return Object.fromEntries(words.map(({ text, start }) => [text, Math.round(start / EACH)]));
}

describe('wordsOf, with timing', () => {
  it('gives each word its own time', () => {
    const { words, estimated } = wordsOf(told('Buy it now'));
    assert.equal(estimated, false);
    assert.deepEqual(starts(words), { Buy: 0, it: 4, now: 7 });
    assert.ok(Math.abs((words[0] as CaptionWord).end - 3 * EACH) < 1e-9);
  });

  it('finds the words of a script without blanks, each at its first character', () => {
    const { words } = wordsOf({ ...told('我们的新鞋子，很舒服。'), language: 'zh' });
    assert.deepEqual(starts(words), { 我们: 0, 的: 2, 新: 3, '鞋子，': 4, 很: 7, '舒服。': 8 });
  });

  it('shows no directions and markup, whose time is a pause', () => {
    const { words } = wordsOf(told('[laughs] Hi <break time="1s"/> you'));
    assert.deepEqual(starts(words), { Hi: 9, you: 31 });
  });

  it('shows the text of the line where the voice says something else', () => {
    const text = 'It costs $5 at Smith’s today, and tomorrow.';
    const spoken = told("It costs five dollars at Smith's today, and tomorrow.");
    const { words, estimated } = wordsOf({ ...spoken, text });
    assert.equal(estimated, false);
    assert.deepEqual(
      words.map((word) => word.text),
      ['It', 'costs', '$5', 'at', 'Smith’s', 'today,', 'and', 'tomorrow.'],
    );
    const { $5: price, 'today,': today, and } = starts(words);
    assert.deepEqual([price, today, and], [8, 33, 40]);
  });

  it('estimates if the timing belongs to another text', () => {
    const { words, estimated } = wordsOf({ ...told('Something else entirely'), text: 'Buy new shoes now' });
    assert.equal(estimated, true);
    assert.equal(words.length, 4);
  });
});

describe('wordsOf, without timing', () => {
  it('spreads letters over what is heard, and puts pauses where the text has them', () => {
    const heard = [
      { start: 0.1, end: 1.1 },
      { start: 1.6, end: 2.6 },
    ];
    const line = { text: 'Well then, buy our best shoes', timing: null, seconds: 3, heard };
    const { words, estimated } = wordsOf(line);
    assert.equal(estimated, true);
    const times = Object.fromEntries(words.map(({ text, start, end }) => [text, [start, end]]));
    assert.equal(times['Well']?.[0], 0.1);
    assert.ok(Math.abs((times['then,']?.[1] ?? 0) - 1.1) < 1e-6);
    assert.ok(Math.abs((times['buy']?.[0] ?? 0) - 1.6) < 1e-6);
    assert.ok(Math.abs((times['shoes']?.[1] ?? 0) - 2.6) < 1e-6);
  });

  it('has no words for a text without any', () => {
    assert.deepEqual(wordsOf({ text: '[sighs] …', timing: null, seconds: 1 }).words, []);
  });
});

describe('placedWords', () => {
  it('moves words by the offset, and drops what comes after the end of the video', () => {
    const { words } = wordsOf(told('Buy it now'));
    const placed = placedWords(words, 2, 2.5);
    assert.deepEqual(
      placed.map(({ text, start, end }) => [text, Number(start.toFixed(2)), Number(end.toFixed(2))]),
      [
        ['Buy', 2, 2.18],
        ['it', 2.24, 2.36],
        ['now', 2.42, 2.5],
      ],
    );
    assert.deepEqual(placedWords(words, 3, 2.5), []);
  });
});

describe('words and cues of any text', () => {
  /** Park and Miller's minimal generator. */
  function dice(seed: number) {
    let state = seed;
    return (below: number) => {
      state = (state * 48_271) % 2_147_483_647;
      return state % below;
    };
  }
  const PARTS = [
    ...[
      'Buy',
      'a',
      'now!',
      'really',
      '…',
      '—',
      '5',
      '$19.99',
      'supercalifragilisticexpialidocious',
      '[laughs]',
    ],
    ...[
      '新鞋子，',
      '今日は',
      'รองเท้าใหม่',
      '👍🏽',
      'شكرا',
      '<b>',
      '{\\an8}',
      '\ud800',
      '\n\n',
      '-->',
      'x'.repeat(90),
    ],
  ];

  it('come in order, do not overlap, and hold every word once', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const roll = dice(seed);
      const parts = Array.from({ length: 1 + roll(40) }, () => PARTS[roll(PARTS.length)] as string);
      const text = parts.join(roll(4) === 0 ? '' : ' ');
      const line = told(text);
      const timing = roll(3) === 0 ? null : line.timing;
      const jumbled =
        roll(3) === 0 ? timing?.map((word) => ({ ...word, start: word.start + roll(9) })) : timing;
      const seconds = Math.max(0.2, line.seconds * (roll(2) === 0 ? 1 : 0.5));
      const { words } = wordsOf({ text, timing: jumbled ?? null, seconds });
      const placed = placedWords(words, roll(3), seconds + roll(3));
      for (const [at, { start, end }] of words.entries()) {
        assert.ok(start >= 0 && end > start, `seed ${seed}`);
        assert.ok(end <= (words[at + 1]?.start ?? Number.POSITIVE_INFINITY), `seed ${seed}`);
      }
      for (const rules of [SUBTITLES, { ...SUBTITLES, mostLines: 1, mostColumns: 16, mostWords: 3 }]) {
        const cues = cuesOf(placed, rules, seconds + 2);
        assert.deepEqual(
          cues.flatMap(({ lines }) => lines.flat()),
          placed,
          `seed ${seed}`,
        );
        for (const [at, { start, end, lines }] of cues.entries()) {
          assert.ok(end > start && end <= (cues[at + 1]?.start ?? seconds + 2), `seed ${seed}`);
          assert.ok(lines.length <= rules.mostLines && lines.every((shown) => shown.length > 0));
        }
      }
    }
  });
});
