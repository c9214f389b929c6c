import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadEngine } from '../../../functions/adapters/espeak/engine.ts';
import { createEspeakSpeech, espeakVoice } from '../../../functions/adapters/espeak/espeak.ts';
import { createEspeakVoices } from '../../../functions/adapters/espeak/voices.ts';
import { voicesContract } from '../../contracts/voices.ts';
import { EXHAUSTIVE } from '../../fixtures/system/sample.ts';

const never = new AbortController().signal;

function open() {
  const speech = createEspeakSpeech();
  return {
    speech,
    catalog: createEspeakVoices({ speech }),
    voice: { id: 'Olivia', search: 'oliv' },
    [Symbol.asyncDispose]: () => speech[Symbol.asyncDispose](),
  };
}

voicesContract('espeak', async () => open());

describe('the built-in voices', () => {
  it('begin with a name for each variant, of a woman or a man', async () => {
    await using opened = open();
    const page = await opened.catalog.list({ search: '', limit: 12 }, never);
    const { languages } = await loadEngine();
    const variants = page?.voices.map(({ id, labels }) => {
      const variant = espeakVoice(id, languages);
      assert.equal(labels[0], variant.includes('+f') ? 'female' : 'male', id);
      return variant;
    });
    const wanted = ['f1', 'f2', 'f3', 'f4', 'f5', 'm1', 'm2', 'm3', 'm4', 'm5', 'm6', 'm7'];
    assert.deepEqual(
      variants,
      wanted.map((variant) => `en+${variant}`),
    );
  });

  it('include each language that a line may name, with its other codes', async () => {
    await using opened = open();
    const { languages, named } = await loadEngine();
    assert.ok(named.length > 90);
    const found = await opened.catalog.list({ search: 'zh-cmn', limit: 100 }, never);
    assert.deepEqual(
      found?.voices.map(({ id, name, labels }) => [id, name, labels]),
      [['cmn', 'Chinese (Mandarin)', ['zh-cmn', 'zh']]],
    );
    const german = await opened.catalog.list({ search: 'German', limit: 100 }, never);
    assert.deepEqual(
      german?.voices.map(({ id, language, preview }) => [id, language, preview]),
      [['de', 'de', true]],
    );
    for (const { codes } of named) assert.ok(codes.every((code) => languages.has(code)));
  });

  it('speak a sample once for all names of one variant, and take any name', async () => {
    await using opened = open();
    let spoken = 0;
    const speak = (...line: Parameters<typeof opened.speech.speak>) => {
      spoken += 1;
      return opened.speech.speak(...line);
    };
    const catalog = createEspeakVoices({ speech: { ...opened.speech, speak } });
    // The two names have one variant: espeak.test.ts.
    const [sarah, adam] = [await catalog.preview('Sarah', never), await catalog.preview(' adam', never)];
    assert.ok(sarah !== undefined && sarah === adam);
    assert.equal(spoken, 1);
    assert.notDeepEqual(await catalog.preview('de', never), sarah);
    assert.equal(spoken, 2);
    assert.equal(await catalog.preview('x'.repeat(201), never), undefined);
  });

  it('begin no sample after the end, which would hold up the end', async () => {
    const opened = open();
    const samples = ['de', 'fr', 'it'].map((voice) => assert.rejects(opened.catalog.preview(voice, never)));
    await opened.catalog.list({ search: '', limit: 1 }, never);
    await opened[Symbol.asyncDispose]();
    const startedAt = performance.now();
    await Promise.all(samples);
    assert.ok(performance.now() - startedAt < 100);
  });

  it('have a sample in each language', {
    skip: EXHAUSTIVE ? false : 'speaks a hundred languages; npm run test:exhaustive does',
  }, async () => {
    await using opened = open();
    const { named } = await loadEngine();
    for (const { codes } of named) assert.ok(await opened.catalog.preview(codes[0], never), codes[0]);
  });
});
