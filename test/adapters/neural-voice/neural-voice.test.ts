import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import {
  createNeuralSpeech,
  type NeuralVoiceOptions,
} from '../../../functions/adapters/neural-voice/neural-voice.ts';
import { PermanentError } from '../../../functions/base/errors.ts';
import type { Line } from '../../../functions/model/plan.ts';
import type { Speech } from '../../../functions/ports/speech.ts';
import { speechContract } from '../../contracts/speech.ts';
import {
  KITTEN,
  KOKORO,
  PIPER,
  piperFolder,
  styledFolder,
  vitsModel,
} from '../../fixtures/speech/tiny-voice.ts';
import { tempDir } from '../../fixtures/system/temp-dir.ts';

const never = new AbortController().signal;
const root = mkdtempSync(join(tmpdir(), 'every-cut-voices-'));
after(() => rm(root, { recursive: true }));
const PIPER_DIR = piperFolder(join(root, 'piper'));
const KOKORO_DIR = styledFolder(join(root, 'kokoro'), KOKORO);
const KITTEN_DIR = styledFolder(join(root, 'kitten'), KITTEN);

const FALLBACK: Speech = {
  speaker: { provider: 'espeak', model: null, isPaid: false },
  notice: null,
  atOnce: null,
  oneAtATime: true,
  timed: false,
  identity: async (line) => ['fallback', line.language ?? line.voice],
  speak: async () => ({ audio: new Uint8Array([1, 2, 3]), timing: null, credits: null }),
};

function open(dir = PIPER_DIR, options: Partial<NeuralVoiceOptions> = {}) {
  return createNeuralSpeech({ dir, fallback: FALLBACK, ...options });
}

async function heard(speech: Speech, line: Partial<Line>): Promise<Buffer> {
  const { audio, timing } = await speech.speak({ text: 'Hello world', voice: '0', ...line }, never);
  assert.equal(timing, null);
  return Buffer.from(audio);
}

/** How often the sound goes up through zero in a second, which is the pitch. */
function pitchOf(wav: Buffer): number {
  const samples = new Int16Array(wav.buffer, wav.byteOffset + 44, (wav.length - 44) / 2);
  const ups = samples.filter((sample, at) => sample >= 0 && (samples[at - 1] ?? 0) < 0).length;
  return (ups * wav.readUInt32LE(24)) / samples.length;
}
const secondsOf = (wav: Buffer) => (wav.length - 44) / wav.readUInt32LE(28);

function failedWith(says: RegExp) {
  return (error: unknown) => {
    assert.ok(PermanentError.is(error), String(error));
    assert.equal(error.code, 'speech_failed');
    assert.match(error.message, says);
    return true;
  };
}

const piper = open();
after(() => piper[Symbol.asyncDispose]());

speechContract('a neural voice', async () => ({
  speech: piper,
  voices: ['0', '1'],
  [Symbol.asyncDispose]: async () => {},
}));

describe('createNeuralSpeech', () => {
  const kokoro = open(KOKORO_DIR);
  const kitten = open(KITTEN_DIR);
  after(() => Promise.all([kokoro, kitten].map((speech) => speech[Symbol.asyncDispose]())));

  it('speaks WAV at the rate of the model, with sizes that fit', async () => {
    for (const [speech, rate] of [
      [piper, 22_050],
      [kokoro, 24_000],
      [kitten, 24_000],
    ] as const) {
      const wav = await heard(speech, {});
      assert.equal(wav.toString('latin1', 0, 16), `RIFF${wav.toString('latin1', 4, 8)}WAVEfmt `);
      assert.equal(wav.readUInt32LE(4), wav.length - 8);
      assert.equal(wav.readUInt32LE(24), rate);
      assert.equal(wav.readUInt32LE(40), wav.length - 44);
      assert.ok(secondsOf(wav) > 0.2, `${secondsOf(wav)} s`);
    }
  });

  it('speaks with the speaker that a number or a name selects', async () => {
    const first = pitchOf(await heard(piper, { voice: '0' }));
    const third = pitchOf(await heard(piper, { voice: '2' }));
    assert.ok(third > first * 2.5 && third < first * 3.5, `${first} Hz, ${third} Hz`);
    const heart = pitchOf(await heard(kokoro, { voice: 'af_heart' }));
    const emma = pitchOf(await heard(kokoro, { voice: ' BF_Emma ', language: 'en-US' }));
    assert.ok(emma > heart * 2.5 && emma < heart * 3.5, `${heart} Hz, ${emma} Hz`);
    assert.notDeepEqual(
      await heard(kitten, { voice: 'expr-voice-2-m' }),
      await heard(kitten, { voice: 'expr-voice-2-f' }),
    );
  });

  it('speaks slower and faster', async () => {
    const [slow, own, fast] = await Promise.all(
      [0.8, 1, 1.2].map(async (speed) => secondsOf(await heard(piper, { speed }))),
    );
    assert.ok(Math.abs((slow as number) / (own as number) - 1 / 0.8) < 0.01, `${slow} s, ${own} s`);
    assert.ok(Math.abs((fast as number) / (own as number) - 1 / 1.2) < 0.01, `${fast} s, ${own} s`);
  });

  it('pronounces by the language of the line, if the model has several', async () => {
    const text = 'Hola señor, jamón';
    const spanish = await heard(kokoro, { text, voice: 'af_heart', language: 'es' });
    assert.notDeepEqual(spanish, await heard(kokoro, { text, voice: 'af_heart' }));
    assert.deepEqual(spanish, await heard(kokoro, { text, voice: 'af_heart', language: 'es-MX' }));
  });

  it('lets eSpeak speak what the model does not', async () => {
    const german = { text: 'Guten Tag', voice: 'Anna', language: 'de' };
    assert.deepEqual(await piper.identity(german, never), ['fallback', 'de']);
    assert.deepEqual([...(await heard(piper, german))], [1, 2, 3]);
    assert.deepEqual([...(await heard(kokoro, german))], [1, 2, 3]);
    assert.deepEqual(await piper.identity({ text: 'Guten Tag', voice: 'de' }, never), ['fallback', 'de']);
  });

  it('speaks a long text to the end, in parts', async () => {
    const word = 'no comma and no full stop ';
    const once = secondsOf(await heard(piper, { text: word.repeat(7) }));
    const long = secondsOf(await heard(piper, { text: word.repeat(49) }));
    assert.ok(long > once * 6.5 && long < once * 7.5, `${once} s, ${long} s`);
  });

  it('speaks whatever is not well-formed, and prints nothing', async () => {
    for (const text of [
      'one\ntwo\tthree\0four',
      'broken \ud83d text',
      '-v de',
      '[[h@loU]]',
      '日本語',
      '😀',
    ]) {
      assert.ok(secondsOf(await heard(piper, { text })) > 0.05, text);
    }
  });

  for (const text of ['', '   ', '...', '—', '\u200b']) {
    it(`refuses ${JSON.stringify(text)}, which contains nothing to speak`, () =>
      assert.rejects(heard(piper, { text }), failedWith(/got silence\. Next step: send a text with words/)));
  }

  it('refuses a text that no request could hold', () =>
    assert.rejects(heard(piper, { text: 'a'.repeat(10_001) }), failedWith(/got 10001 characters/)));

  it('identifies what the sound depends on', async () => {
    const line = { text: 'x', voice: '1' };
    const own = await piper.identity(line, never);
    assert.equal(own[0], 'neural');
    assert.match(own[1] ?? '', /^sherpa-onnx \d+\.\d+\.\d+$/);
    assert.match(own[2] ?? '', /^[0-9a-f]{64}$/);
    const others: Partial<Line>[] = [{ voice: '0' }, { speed: 0.9 }];
    for (const other of others) assert.notDeepEqual(await piper.identity({ ...line, ...other }, never), own);
    await using dir = await tempDir();
    const otherModel = vitsModel({ ...PIPER, sample_rate: 16_000 });
    await using another = open(piperFolder(join(dir.path, 'other'), otherModel));
    assert.notEqual((await another.identity(line, never))[2], own[2]);
    await using same = open(piperFolder(join(dir.path, 'same')));
    assert.deepEqual(await same.identity(line, never), own);
  });

  it('tells who speaks', () => {
    assert.match(piper.notice ?? '', /neural voice piper\. Its speakers are the numbers 0 to 2\./);
    assert.match(piper.notice ?? '', /Lines in other languages than English are spoken by eSpeak NG$/);
    assert.match(
      kokoro.notice ?? '',
      /Its speakers are af_heart, am_adam, bf_emma, ef_dora\. Any other voice name/,
    );
    assert.deepEqual(piper.speaker, { provider: 'neural', model: 'piper', isPaid: false });
  });

  it('speaks several lines requested at once, each with its own text', async () => {
    const texts = ['one', 'two and two', 'three and three and three'];
    const together = await Promise.all(texts.map((text) => heard(piper, { text })));
    for (const [at, text] of texts.entries()) assert.deepEqual(together[at], await heard(piper, { text }));
  });
});

describe('a line that cannot be spoken', () => {
  /** Four and a half seconds of sound for each character. */
  function slowFolder(dir: string): string {
    return piperFolder(dir, vitsModel(PIPER, { samplesPerSound: 100_000 }));
  }

  it('ends after its time, in the middle of its work', async () => {
    await using dir = await tempDir();
    // Its first part alone is longer than a line may be, and on an idle machine it is spoken before the time is up.
    const limits = { timeLimitMs: 1_000, mostSeconds: 1_000_000 };
    await using speech = open(slowFolder(join(dir.path, 'slow')), limits);
    const startedAt = performance.now();
    const text = 'This is a long story. '.repeat(227);
    await assert.rejects(
      heard(speech, { text }),
      failedWith(/got nothing within 1000 ms\. Next step: shorten/),
    );
    // The whole takes half a minute. It rejects when the thread has ended.
    assert.ok(performance.now() - startedAt < 10_000);
  });

  it('ends when its sound is longer than allowed', async () => {
    await using dir = await tempDir();
    await using speech = open(slowFolder(join(dir.path, 'long')), { mostSeconds: 10 });
    await assert.rejects(heard(speech, {}), failedWith(/got more than 10 s of sound/));
  });

  it('stops with the reason of the signal, and the next one is spoken', async () => {
    await using speech = open();
    const reason = new Error('shutting down');
    const stop = new AbortController();
    const cut = assert.rejects(speech.speak({ text: 'word '.repeat(400), voice: '0' }, stop.signal), reason);
    const next = heard(speech, {});
    setImmediate(() => stop.abort(reason));
    await cut;
    assert.deepEqual(await next, await heard(speech, {}));
  });

  it('fails if the model speaks nothing', async () => {
    await using dir = await tempDir();
    await using speech = open(piperFolder(join(dir.path, 'mute'), vitsModel(PIPER, { volume: 0 })));
    await assert.rejects(heard(speech, {}), failedWith(/got silence/));
  });

  it("fails with the engine's own words, and the service goes on, if it refuses the voice", async () => {
    await using dir = await tempDir();
    await using speech = open(styledFolder(join(dir.path, 'broken'), { ...KITTEN, has_espeak: 0 }));
    await assert.rejects(heard(speech, {}), failedWith(/got It should require espeak-ng\. Next step:/));
    // Its weights are not looked at before it is loaded.
    const model = vitsModel();
    model.write('Cosh', model.indexOf('Range'));
    await using other = open(piperFolder(join(dir.path, 'damaged'), model));
    await assert.rejects(
      heard(other, {}),
      failedWith(/got an engine that refused the model.+Next step: download the voice again/),
    );
  });

  it('says to download the voice again if its model is broken inside', async () => {
    await using dir = await tempDir();
    const model = vitsModel();
    // In place of any number of sounds it takes seven, which shows with the first line.
    const numberOf = (...numbers: bigint[]) => Buffer.from(BigInt64Array.from(numbers).buffer);
    numberOf(7n).copy(model, model.indexOf(numberOf(-1n, 1n)));
    await using speech = open(piperFolder(join(dir.path, 'flipped'), model));
    await assert.rejects(heard(speech, {}), ({ message }: Error) => {
      assert.match(
        message,
        /refused the text.+Next step: download the voice again .+, or set OFFLINE_VOICE to another/,
      );
      return !/shorten|simplify/.test(message);
    });
    await using mute = open(piperFolder(join(dir.path, 'mute'), vitsModel(PIPER, { volume: Number.NaN })));
    await assert.rejects(
      heard(mute, {}),
      failedWith(/got silence\. Next step: send a text with words in it; if it has some, download the voice/),
    );
  });

  it('fails if the files were replaced while the service runs', async () => {
    await using dir = await tempDir();
    const folder = piperFolder(join(dir.path, 'replaced'));
    await using speech = open(folder);
    await utimes(join(folder, 'tokens.txt'), 0, 0);
    const says = failedWith(/got a voice whose files were changed\. Next step: start the service again/);
    await assert.rejects(heard(speech, {}), says);
    await assert.rejects(speech.identity({ text: 'x', voice: '0' }, never), says);
  });
});

describe('a program that has used a neural voice', () => {
  it('prints nothing and exits without disposing of anything', () => {
    const module = new URL('../../../functions/adapters/neural-voice/neural-voice.ts', import.meta.url).href;
    const program = `
      const { createNeuralSpeech } = await import(${JSON.stringify(module)});
      const speech = createNeuralSpeech({ dir: ${JSON.stringify(PIPER_DIR)}, fallback: undefined });
      await speech.speak({ text: 'bye 漢字', voice: 'Sarah' }, new AbortController().signal);`;
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      timeout: 30_000,
      encoding: 'utf8',
    });
    assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' });
  });
});
