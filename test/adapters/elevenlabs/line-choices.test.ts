/** What a line says of its own: speed and language. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Line } from '../../../functions/model/plan.ts';
import { VOICE_SETTINGS } from '../../fixtures/elevenlabs/server.ts';
import { type SpeechOptions, speakingWith } from '../../fixtures/elevenlabs/speaking-with.ts';
import { VOICES } from '../../fixtures/elevenlabs/voices.ts';

const { signal } = new AbortController();
const LINE: Line = { text: 'Hello there', voice: VOICES[0]?.id as string };

async function bodyOf(line: Line, options: SpeechOptions = {}): Promise<Record<string, unknown>> {
  await using speaking = await speakingWith({}, options);
  await speaking.speech.speak(line, signal);
  return speaking.server.calls.find(({ asks }) => asks === 'speech')?.body as Record<string, unknown>;
}

describe('a line of ElevenLabs', () => {
  test('with a speed keeps the other settings of its voice', async () => {
    assert.equal('voice_settings' in (await bodyOf(LINE)), false);
    const { voice_settings: settings } = await bodyOf({ ...LINE, speed: 1.1 });
    assert.deepEqual(settings, { ...VOICE_SETTINGS, speed: 1.1 });
  });

  test('with a speed keeps the settings of the service', async () => {
    const options = { voiceSettings: { stability: 0.9, speed: 0.8 } };
    const { voice_settings: settings } = await bodyOf({ ...LINE, speed: 1.1 }, options);
    assert.deepEqual(settings, { stability: 0.9, speed: 1.1 });
  });

  test('with a language sends it to models that take one', async () => {
    const line = { ...LINE, language: 'pt-BR' };
    assert.equal((await bodyOf(line))['language_code'], undefined);
    assert.equal((await bodyOf(line, { model: 'eleven_flash_v2_5' }))['language_code'], 'pt');
  });

  test('without them has the identity that it always had', async () => {
    await using speaking = await speakingWith();
    const plain = await speaking.speech.identity(LINE, signal);
    assert.deepEqual(plain, ['elevenlabs', LINE.voice, 'eleven_multilingual_v2', 'own', 'wav_8000']);
    assert.deepEqual(await speaking.speech.identity({ ...LINE, language: 'de' }, signal), plain);
    const fast = await speaking.speech.identity({ ...LINE, speed: 1.2 }, signal);
    assert.deepEqual(fast, [...plain, 'speed=1.2']);
    const other = speaking.another({ model: 'eleven_v3' });
    assert.ok((await other.identity({ ...LINE, language: 'de' }, signal)).includes('language=de'));
  });
});
