import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { TransientError } from '../../../functions/base/errors.ts';
import { TIMEOUT_MS, until } from '../../contracts/harness.ts';
import { speakingWith } from '../../fixtures/elevenlabs/speaking-with.ts';
import { SARAH } from '../../fixtures/elevenlabs/voices.ts';
import { repeated } from '../../fixtures/system/repeated.ts';

const FOREVER = new AbortController().signal;
const LINE = { text: 'Hello world, buy now', voice: SARAH };

describe('a request to ElevenLabs that does not end', { timeout: TIMEOUT_MS }, () => {
  const networkIn = (limitMs: number) => (error: unknown) => {
    assert.ok(TransientError.is(error), String(error));
    assert.equal(error.code, 'network');
    assert.match(error.message, new RegExp(`within ${limitMs} ms`));
    return true;
  };

  for (const fault of [{ does: 'hang' }, { does: 'stall' }, { does: 'trickle', everyMs: 20 }] as const) {
    it(`is ended by our limit: ${fault.does}, for a line`, async () => {
      await using speaking = await speakingWith({}, { limits: { speakMs: 300 } });
      speaking.server.script('speech', [fault]);
      await assert.rejects(speaking.speech.speak(LINE, FOREVER), networkIn(300));
      await until(() => speaking.server.underWay === 0, 'the end of the connection');
      // On a busy machine even a complete answer may take longer than that limit.
      await repeated(() => speaking.speech.speak(LINE, FOREVER));
    });

    it(`is ended by our limit: ${fault.does}, for a voice`, async () => {
      await using speaking = await speakingWith({}, { limits: { voicesMs: 300 } });
      speaking.server.script('voices', [fault]);
      await assert.rejects(speaking.speech.identity({ text: 'x', voice: 'Sarah' }, FOREVER), networkIn(300));
      const [, voice] = await repeated(() =>
        speaking.speech.identity({ text: 'x', voice: 'Sarah' }, FOREVER),
      );
      assert.equal(voice, SARAH);
    });

    it(`is ended by the signal, with its reason: ${fault.does}`, async () => {
      await using speaking = await speakingWith();
      speaking.server.script('speech', [fault]);
      const stop = new AbortController();
      const reason = new Error('shutting down');
      const stopped = assert.rejects(speaking.speech.speak(LINE, stop.signal), reason);
      await until(() => speaking.server.asked('speech') === 1, 'the request');
      stop.abort(reason);
      await stopped;
      await speaking.speech.speak(LINE, FOREVER);
    });
  }

  it('is not begun after its signal has fired', async () => {
    await using speaking = await speakingWith();
    const reason = new Error('too late');
    const told = AbortSignal.abort(reason);
    await assert.rejects(speaking.speech.speak({ text: 'x', voice: 'Sarah' }, told), reason);
    await assert.rejects(speaking.speech.identity({ text: 'x', voice: 'Sarah' }, told), reason);
    assert.equal(speaking.server.calls.length, 0);
  });
});

describe('a program with the ElevenLabs adapter', { timeout: TIMEOUT_MS }, () => {
  const adapter = new URL('../../../functions/adapters/elevenlabs/elevenlabs.ts', import.meta.url).href;
  const run = (body: string) =>
    promisify(execFile)(process.execPath, ['--input-type=module', '-e', body], { timeout: TIMEOUT_MS });

  it('loads the client when the first request needs it, not before', async () => {
    const { stdout } = await run(`
      import { createRequire } from 'node:module';
      const { createElevenLabsSpeech } = await import(${JSON.stringify(adapter)});
      const options = { apiKey: 'key', apiUrl: 'http://127.0.0.1:9', model: 'm', format: 'wav_8000', voiceSettings: undefined };
      const speech = createElevenLabsSpeech(options);
      await speech.identity({ text: 'x', voice: '${SARAH}' }, new AbortController().signal);
      const loaded = () => Object.keys(createRequire(import.meta.url).cache).some((file) => file.includes('elevenlabs'));
      const before = loaded();
      await speech.speak({ text: 'x', voice: '${SARAH}' }, new AbortController().signal).catch(() => {});
      console.log(before, loaded());`);
    assert.equal(stdout.trim(), 'false true');
  });

  it('ends by itself, without waiting for the time limit of a failed request', async () => {
    await using speaking = await speakingWith();
    speaking.server.script('speech', [{ does: 'cut' }]);
    const options = {
      apiKey: speaking.server.apiKey,
      apiUrl: speaking.server.url,
      model: 'eleven_v3',
      format: 'wav_8000',
      limits: { speakMs: 10 * TIMEOUT_MS },
    };
    const { stdout } = await run(`
      const { createElevenLabsSpeech } = await import(${JSON.stringify(adapter)});
      const speech = createElevenLabsSpeech(${JSON.stringify(options)});
      await speech.speak({ text: 'x', voice: '${SARAH}' }, new AbortController().signal).catch((error) => console.log(error.code));`);
    assert.equal(stdout.trim(), 'network');
  });
});
