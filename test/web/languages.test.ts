/** Which languages the page offers for a line. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { newLine } from '../../functions/web/compose/draft.ts';
import { languageNote, languagesFor } from '../../functions/web/compose/languages.ts';

const line = (changes: Partial<ReturnType<typeof newLine>> = {}) => ({ ...newLine('Hola'), ...changes });

describe('the languages of a line', () => {
  test('are offered for built-in voices, English being what is read without any', () => {
    const offered = languagesFor(line(), 'espeak') ?? [];
    assert.deepEqual(offered.slice(0, 3), [
      { code: '', name: 'English' },
      { code: 'es', name: 'Spanish' },
      { code: 'de', name: 'German' },
    ]);
    assert.equal(offered.filter(({ name }) => name === 'English').length, 1);
    assert.equal(offered.find(({ code }) => code === 'pt-BR')?.name, 'Portuguese (Brazil)');
    assert.equal(languagesFor(line(), 'neural')?.[0]?.name, 'Language of the voice');
    assert.equal(languagesFor(line(), 'elevenlabs'), undefined);
    assert.equal(languagesFor(line(), undefined), undefined);
  });

  test('have the one that was typed, whatever it is', () => {
    const names = (language: string) => languagesFor(line({ language }), 'espeak')?.at(-1)?.name;
    assert.equal(names('sw'), 'Swahili');
    assert.equal(names('not a code'), 'not a code');
  });

  test('are not offered where the voice is a language', () => {
    assert.equal(languagesFor(line({ voice: 'DE' }), 'espeak'), undefined);
    assert.equal(languagesFor(line({ voice: 'eo', voiceName: 'Esperanto' }), 'espeak'), undefined);
    assert.ok(languagesFor(line({ voice: 'amy' }), 'espeak'));
    assert.ok(languagesFor(line({ voice: 'Anna', voiceName: 'Anna' }), 'espeak'));
  });

  test('are spoken of while a line that is read as English has none', () => {
    assert.match(languageNote([line()], 'espeak') ?? '', /read as English/);
    assert.equal(languageNote([line({ language: 'es' }), line({ text: ' ' })], 'espeak'), null);
    assert.equal(languageNote([line()], 'elevenlabs'), null);
  });
});
