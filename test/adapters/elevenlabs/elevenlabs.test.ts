import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { settingsText } from '../../../functions/adapters/elevenlabs/elevenlabs.ts';
import { PermanentError } from '../../../functions/base/errors.ts';
import { TIMEOUT_MS } from '../../contracts/harness.ts';
import { speechContract } from '../../contracts/speech.ts';
import { speakingWith } from '../../fixtures/elevenlabs/speaking-with.ts';
import { GEORGE, SARAH } from '../../fixtures/elevenlabs/voices.ts';
import { ffmpeg } from '../../fixtures/media/finished.ts';
import { tempDir } from '../../fixtures/system/temp-dir.ts';

const FOREVER = new AbortController().signal;
const LINE = { text: 'Hello world, buy now', voice: SARAH };

speechContract('ElevenLabs', async () => {
  const speaking = await speakingWith();
  return { ...speaking, voices: ['Sarah', GEORGE] };
});

describe('createElevenLabsSpeech', { timeout: TIMEOUT_MS }, () => {
  it('sends the text unchanged, with model, format and settings in the notation of the vendor', async () => {
    const voiceSettings = {
      stability: 0.4,
      similarityBoost: 0.8,
      style: 0,
      speed: 1.1,
      useSpeakerBoost: false,
    };
    await using speaking = await speakingWith({}, { voiceSettings, format: 'wav_16000' });
    const text = '  <b>Grüße</b>, "日本" 🎬\n';
    await speaking.speech.speak({ text, voice: SARAH }, FOREVER);
    const [call] = speaking.server.calls;
    assert.equal(call?.voiceId, SARAH);
    assert.deepEqual(call.query, { output_format: 'wav_16000' });
    assert.deepEqual(call.body, {
      text,
      model_id: 'eleven_multilingual_v2',
      voice_settings: {
        stability: 0.4,
        similarity_boost: 0.8,
        style: 0,
        speed: 1.1,
        use_speaker_boost: false,
      },
    });
  });

  for (const voiceSettings of [undefined, {}]) {
    it(`does not override the settings of the voice if voiceSettings is ${JSON.stringify(voiceSettings)}`, async () => {
      await using speaking = await speakingWith({}, { voiceSettings });
      await speaking.speech.speak(LINE, FOREVER);
      assert.deepEqual(speaking.server.calls[0]?.body, {
        text: LINE.text,
        model_id: 'eleven_multilingual_v2',
      });
    });
  }

  for (const format of ['mp3_44100_128', 'mp3_22050_32', 'opus_48000_64', 'wav_22050']) {
    it(`returns ${format} unchanged, as long as the line`, async () => {
      await using speaking = await speakingWith({}, { format });
      await using dir = await tempDir();
      const { audio, timing } = await speaking.speech.speak(LINE, FOREVER);
      const file = join(dir.path, 'spoken');
      await writeFile(file, audio);
      const pcm = await ffmpeg('-i', file, '-f', 's16le', '-ac', '1', '-ar', '8000', '-');
      const seconds = pcm.length / 2 / 8000;
      const end = timing?.at(-1)?.end ?? 0;
      assert.ok(Math.abs(seconds - end) < 0.15, `${seconds} s of sound, words until ${end} s`);
    });
  }

  it('returns the time of each word', async () => {
    await using speaking = await speakingWith();
    const { timing } = await speaking.speech.speak({ text: 'Buy it now', voice: SARAH }, FOREVER);
    assert.deepEqual(timing, [
      { text: 'Buy', start: 0, end: 0.18 },
      { text: 'it', start: 0.24, end: 0.36 },
      { text: 'now', start: 0.42, end: 0.6 },
    ]);
  });

  it('accepts sound without timing', async () => {
    await using speaking = await speakingWith();
    const audio = Buffer.from('some sound');
    const body = { audio_base64: audio.toString('base64'), alignment: null, normalized_alignment: null };
    speaking.server.script('speech', [{ does: 'answer', body }]);
    const spoken = await speaking.speech.speak(LINE, FOREVER);
    assert.equal(spoken.timing, null);
    assert.deepEqual(Buffer.from(spoken.audio), audio);
  });

  it('makes each request once, whatever its outcome', async () => {
    await using speaking = await speakingWith();
    for (const status of [429, 500, 503]) {
      speaking.server.script('speech', [{ does: 'refuse', status, body: {} }]);
      await assert.rejects(speaking.speech.speak(LINE, FOREVER));
    }
    assert.equal(speaking.server.asked('speech'), 3);
  });

  it('does not list voices for a line that names one by its id', async () => {
    await using speaking = await speakingWith({ permissions: ['text_to_speech'] });
    await speaking.speech.identity(LINE, FOREVER);
    await speaking.speech.speak(LINE, FOREVER);
    assert.equal(speaking.server.asked('voices'), 0);
  });

  it('has an identity that contains everything that determines the sound', async () => {
    await using speaking = await speakingWith();
    const identity = (options = {}, voice = 'sarah') =>
      speaking.another(options).identity({ text: 'x', voice }, FOREVER);
    assert.deepEqual(await identity(), ['elevenlabs', SARAH, 'eleven_multilingual_v2', 'own', 'wav_8000']);
    assert.deepEqual(await identity({}, SARAH), await identity());
    const others = [
      { model: 'eleven_v3' },
      { format: 'mp3_44100_128' },
      { voiceSettings: { speed: 1.1 } },
      { voiceSettings: { style: 1.1 } },
      { voiceSettings: { speed: 1 } },
    ];
    const texts = await Promise.all(
      [{}, ...others].map(async (options) => (await identity(options)).join('|')),
    );
    assert.equal(new Set(texts).size, 1 + others.length);
  });

  it('has the same identity for the same settings in any order', () => {
    const one = settingsText({ speed: 1.1, stability: 0.5, useSpeakerBoost: true });
    assert.equal(settingsText({ useSpeakerBoost: true, stability: 0.5, speed: 1.1 }), one);
    assert.equal(one, 'speed=1.1 stability=0.5 useSpeakerBoost=true');
  });

  it('learns from each answer how many lines may be spoken at once', async () => {
    await using speaking = await speakingWith({ maximum: 5 });
    const { speech, server } = speaking;
    assert.equal(speech.atOnce, 2);
    await speech.speak(LINE, FOREVER);
    assert.equal(speech.atOnce, 5);
    server.maximum = 3;
    await speech.speak(LINE, FOREVER);
    assert.equal(speech.atOnce, 3);
  });

  it('leaves places to other users of the account, even after a refusal, and takes them back later', async () => {
    await using speaking = await speakingWith({ maximum: 5 });
    const { speech, server } = speaking;
    server.others = 4;
    await speech.speak(LINE, FOREVER);
    assert.equal(speech.atOnce, 2, '5 under way, 2 of them ours');
    server.others = 5;
    await assert.rejects(speech.speak(LINE, FOREVER), { code: 'speech_busy' });
    assert.equal(speech.atOnce, 1);
    server.others = 0;
    for (let time = 0; time < 4; time++) await speech.speak(LINE, FOREVER);
    assert.equal(speech.atOnce, 5);
  });
});

describe('an answer of ElevenLabs that was paid for but is useless', { timeout: TIMEOUT_MS }, () => {
  const alignment = null;
  const ANSWERS: readonly [title: string, body: unknown, says: RegExp][] = [
    ['no sound', { audio_base64: '', alignment }, /got 0 bytes\. Next step: send a text/],
    ['no base64', { audio_base64: 'not base64 at all!', alignment }, /got other text/],
    ['no such field', { audio: 'x' }, /got another one\. Next step: check that ELEVENLABS_API_URL/],
    ['a web page', '<html>hello</html>', /got another one/],
  ];
  for (const [title, body, says] of ANSWERS) {
    it(`fails the line permanently, because another request would cost money again: ${title}`, async () => {
      await using speaking = await speakingWith();
      speaking.server.script('speech', [{ does: 'answer', body }]);
      await assert.rejects(speaking.speech.speak(LINE, FOREVER), (error) => {
        assert.ok(PermanentError.is(error), String(error));
        assert.equal(error.code, 'speech_failed');
        assert.match(error.message, says);
        return true;
      });
    });
  }
});
