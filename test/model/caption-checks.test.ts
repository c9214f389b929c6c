import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { captionMistakes } from '../../functions/model/caption-checks.ts';

const LINES = [{ text: 'Buy it', voice: 'Sarah' }];
const CASES: readonly [title: string, captions: unknown, pointers: string[], lines?: unknown][] = [
  ['captions of lines', { mode: 'srt', files: ['vtt'] }, []],
  ['a style of burned captions', { mode: 'burn', font: 'Inter', highlight: null, upper_case: false }, []],
  ['none', { mode: 'none' }, [], undefined],
  ['captions without lines', { mode: 'track' }, ['/captions'], undefined],
  ['files without captions', { mode: 'none', files: ['srt'] }, ['/captions/files']],
  [
    'a style of captions that players draw',
    { mode: 'srt', size: 8, words_per_line: 2 },
    ['/captions/size', '/captions/words_per_line'],
  ],
  ['a style beside a mode that the schema refuses', { mode: 'burnn', size: 8 }, []],
  ['a style without a mode, which the schema refuses', { size: 8 }, []],
  ['another shape, which the schema refuses', 'srt', []],
];

describe('captionMistakes', () => {
  for (const [title, captions, pointers, lines = LINES] of CASES) {
    it(`${pointers.length === 0 ? 'accepts' : 'refuses'} ${title}`, () => {
      const isSilent = title.includes('without lines') || title === 'none';
      const mistakes = captionMistakes({ captions, ...(isSilent ? {} : { text_to_speech: lines }) });
      assert.deepEqual(
        mistakes.map(({ pointer }) => pointer),
        pointers,
      );
      for (const { code, message } of mistakes) {
        assert.equal(code, 'conflict');
        assert.match(message, /^Expected .+, got .+\. /);
      }
    });
  }
});
