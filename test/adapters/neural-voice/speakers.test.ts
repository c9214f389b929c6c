import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chooseSpeaker } from '../../../functions/adapters/neural-voice/speakers.ts';
import { spokenParts } from '../../../functions/adapters/neural-voice/spoken-parts.ts';
import type { VoiceFolder } from '../../../functions/adapters/neural-voice/voice-folder.ts';

const PIPER: VoiceFolder = {
  dir: '/voices/piper',
  name: 'piper',
  kind: 'vits',
  files: { model: '', tokens: '', voices: undefined, lexicons: [], espeakData: '' },
  speakerCount: 1,
  speakerNames: [],
  language: 'German',
  espeakVoice: 'de',
  isMultilingual: false,
};
const KOKORO: VoiceFolder = {
  ...PIPER,
  kind: 'kokoro',
  speakerCount: 5,
  speakerNames: ['af_heart', 'am_adam', 'bf_emma', 'ef_dora', 'pf_dora'],
  isMultilingual: true,
};

describe('chooseSpeaker', () => {
  const speaker = (voice: VoiceFolder, name: string, language?: string) =>
    chooseSpeaker(voice, { voice: name, ...(language === undefined ? {} : { language }) });

  it('takes any name for a model of one speaker', () => {
    for (const name of ['Sarah', '0', '7', 'Żółć']) {
      assert.deepEqual(speaker(PIPER, name), { id: 0, language: undefined });
    }
  });

  it('always maps a name to the same speaker, and spreads names over all of them', () => {
    const many = { ...PIPER, speakerCount: 109 };
    assert.deepEqual(speaker(many, 'Sarah'), speaker(many, ' sARAH '));
    assert.deepEqual(speaker(many, '108'), { id: 108, language: undefined });
    const names = Array.from({ length: 2_000 }, (_, at) => `voice ${at}`);
    assert.equal(new Set(names.map((name) => speaker(many, name)?.id)).size, 109);
    assert.ok(names.every((name) => speaker(KOKORO, name)?.language?.startsWith('en')));
  });

  it('knows the language of a model by its code or its name', () => {
    for (const language of ['de', 'DE', 'de-AT']) assert.ok(speaker(PIPER, 'Anna', language), language);
    for (const language of ['en', 'fr-FR', 'gsw', 'x-private']) {
      assert.equal(speaker(PIPER, 'Anna', language), undefined, language);
    }
    const chinese = { ...PIPER, language: 'Chinese', espeakVoice: 'cmn' };
    assert.ok(speaker(chinese, 'Anna', 'zh-CN'));
    const silent = { ...PIPER, espeakVoice: undefined };
    assert.ok(speaker(silent, 'Anna', 'de'));
    assert.equal(speaker(silent, 'Anna', 'nl'), undefined);
  });

  it('takes a voice that is a language for one', () => {
    assert.ok(speaker(PIPER, 'de'));
    assert.equal(speaker(PIPER, 'fr'), undefined);
    assert.equal(speaker(PIPER, 'pt-BR'), undefined);
    assert.ok(speaker(PIPER, 'Al'), 'no language');
    assert.ok(speaker(PIPER, 'fr', 'de'), 'the language is given');
  });

  it('gives Kokoro a speaker of the language, and the language of the speaker', () => {
    assert.deepEqual(speaker(KOKORO, 'EF_dora'), { id: 3, language: 'es' });
    assert.deepEqual(speaker(KOKORO, '2'), { id: 2, language: 'en' });
    assert.deepEqual(speaker(KOKORO, 'Anna', 'es-MX'), { id: 3, language: 'es' });
    assert.deepEqual(speaker(KOKORO, 'Anna', 'en-GB'), { id: 2, language: 'en' });
    assert.deepEqual(speaker(KOKORO, 'pt'), { id: 4, language: 'pt-br' });
    assert.deepEqual(speaker(KOKORO, 'af_heart', 'es'), { id: 0, language: 'es' });
    assert.equal(speaker(KOKORO, 'af_heart', 'de'), undefined);
    assert.equal(speaker(KOKORO, 'Anna', 'it'), undefined, 'no speaker of it');
    assert.equal(speaker({ ...KOKORO, speakerNames: [] }, 'Anna')?.language, 'en-us', 'no names');
  });
});

describe('spokenParts', () => {
  it('leaves an ordinary text as it is, without control characters', () => {
    assert.deepEqual(spokenParts(' Buy one,\nget two.\0 '), ['Buy one, get two.']);
    assert.deepEqual(spokenParts('50 %'), ['50 %']);
    assert.deepEqual(spokenParts('😀'), ['😀']);
    assert.deepEqual(spokenParts(' … '), []);
  });

  it('cuts a long text behind a sentence, or else a comma, or else a word', () => {
    const sentence = `${'word '.repeat(18).trim()}. `;
    const parts = spokenParts(sentence.repeat(5));
    assert.deepEqual(parts, [sentence.repeat(2).trim(), sentence.repeat(2).trim(), sentence.trim()]);
    const comma = `${'word '.repeat(18).trim()}, `;
    assert.equal(spokenParts(comma.repeat(5))[0], comma.repeat(2).trim());
    const words = spokenParts('word '.repeat(200));
    assert.ok(words.every((part) => part.length <= 200 && /^(word ?)+$/.test(part)));
    assert.equal(words.join(' '), 'word '.repeat(200).trim());
  });

  it('does not take the point of a number for the end of a sentence', () => {
    const text = `${'a'.repeat(150)} 3.5 ${'b'.repeat(150)}`;
    assert.deepEqual(spokenParts(text), [`${'a'.repeat(150)} 3.5`, 'b'.repeat(150)]);
  });

  it('loses nothing of a text without spaces, and cuts no character in two', () => {
    for (const letter of ['漢', '😀', '9']) {
      const text = letter.repeat(1_001);
      const parts = spokenParts(text);
      assert.equal(parts.join(''), text);
      assert.ok(parts.every((part) => part.length <= 200 && part.isWellFormed()));
    }
  });
});
