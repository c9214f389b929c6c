import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, describe, it } from 'node:test';
import { createEspeakSpeech, espeakVoice, repairedWav } from '../../../functions/adapters/espeak/espeak.ts';
import { startSpeechThread } from '../../../functions/adapters/espeak/thread.ts';
import { PermanentError } from '../../../functions/base/errors.ts';
import { speechContract } from '../../contracts/speech.ts';
import { EXHAUSTIVE } from '../../fixtures/system/sample.ts';

const never = new AbortController().signal;

function failedWith(says: RegExp) {
  return (error: unknown) => {
    assert.ok(PermanentError.is(error), String(error));
    assert.equal(error.code, 'speech_failed');
    assert.equal(error.stage, 'speak');
    assert.match(error.message, says);
    return true;
  };
}

speechContract('espeak', async () => {
  const speech = createEspeakSpeech();
  return { speech, voices: ['Sarah', 'Rachel'], [Symbol.asyncDispose]: () => speech[Symbol.asyncDispose]() };
});

describe('createEspeakSpeech', () => {
  const speech = createEspeakSpeech();
  after(() => speech[Symbol.asyncDispose]());

  async function spoken(text: string, voice = 'Sarah'): Promise<Buffer> {
    const { audio, timing } = await speech.speak({ text, voice }, never);
    assert.equal(timing, null);
    return Buffer.from(audio);
  }
  const secondsOf = (wav: Buffer) => (wav.length - 44) / wav.readUInt32LE(28);

  const TEXTS: readonly [title: string, text: string][] = [
    ['a sentence', 'Hello world, this is what we sell.'],
    ['a text that begins with a dash', '-v de is not an option here'],
    ['a text that begins with two dashes', '--help'],
    ['a text of one dash and a word', '-x'],
    ['quotes, angle brackets and ampersands', `She said "buy it" & <b>won't</b> 'stop' \`now\` $HOME`],
    ['what eSpeak reads as phonemes', '[[h@loU]] [[ok'],
    ['other scripts', 'Grüße, 日本語, привет, مرحبا'],
    ['an emoji, by its name', '😀'],
    ['line breaks, tabs and a NUL', 'one\ntwo\tthree\0four'],
    ['half a surrogate pair', 'broken \ud83d text'],
  ];
  for (const [title, text] of TEXTS) {
    it(`speaks ${title}`, async () => {
      const wav = await spoken(text);
      assert.equal(wav.toString('latin1', 0, 4), 'RIFF');
      assert.equal(wav.readUInt32LE(4), wav.length - 8);
      assert.equal(wav.toString('latin1', 8, 16), 'WAVEfmt ');
      assert.equal(wav.readUInt16LE(22), 1, 'channels');
      assert.equal(wav.readUInt32LE(24), 22_050, 'sample rate');
      assert.equal(wav.readUInt16LE(34), 16, 'bits');
      assert.equal(wav.toString('latin1', 36, 40), 'data');
      assert.equal(wav.readUInt32LE(40), wav.length - 44);
      assert.ok(secondsOf(wav) > 0.3, `${secondsOf(wav)} s`);
    });
  }

  it('speaks 2,000 characters to the end', async () => {
    const text = 'The quick brown fox jumps over it. '.repeat(58).slice(0, 2_000);
    const whole = secondsOf(await spoken(text));
    const half = secondsOf(await spoken(text.slice(0, 1_000)));
    assert.ok(whole > half * 1.9 && whole < half * 2.1, `${whole} s, ${half} s`);
  });

  it('does not cut a text that begins with a dash short', async () => {
    const wav = await spoken('-v de is not an option here');
    assert.ok(secondsOf(wav) > secondsOf(await spoken('an option here')));
  });

  it('gives the same bytes for the same line, and different ones for another voice, language or text', async () => {
    const first = await spoken('Same again');
    assert.deepEqual(await spoken('Same again', ' sARAH '), first);
    assert.notDeepEqual(await spoken('Same again', 'Rachel'), first);
    assert.notDeepEqual(await spoken('Same again', 'de'), first);
    assert.notDeepEqual(await spoken('Same once more'), first);
  });

  it('speaks several lines requested at once, each with its own text', async () => {
    const texts = ['one', 'two and two', 'three and three and three', 'four', 'five'];
    const together = await Promise.all(texts.map((text) => spoken(text)));
    for (const [at, text] of texts.entries()) assert.deepEqual(together[at], await spoken(text));
  });

  for (const text of ['', '   ', '\n\t', '...', '—', '\u200b']) {
    it(`refuses ${JSON.stringify(text)}, which contains nothing to speak`, () =>
      assert.rejects(spoken(text), failedWith(/got silence\. Next step: send a text with words/)));
  }

  it('ends a line that takes too long, and goes on with the next', async () => {
    await using hasty = createEspeakSpeech({ timeLimitMs: 1 });
    const line = { text: 'A long story. '.repeat(100), voice: 'Sarah' };
    const both = await Promise.allSettled([hasty.speak(line, never), hasty.speak(line, never)]);
    for (const one of both) {
      assert.equal(one.status, 'rejected');
      assert.ok(failedWith(/got nothing within 1 ms/)(one.reason));
    }
  });

  it('stops with the reason of the signal, and goes on with the next line', async () => {
    const reason = new Error('shutting down');
    await assert.rejects(speech.speak({ text: 'x', voice: 'x' }, AbortSignal.abort(reason)), reason);
    const stop = new AbortController();
    const cut = assert.rejects(speech.speak({ text: 'word '.repeat(400), voice: 'x' }, stop.signal), reason);
    const next = spoken('still here');
    setImmediate(() => stop.abort(reason));
    await cut;
    assert.deepEqual(await next, await spoken('still here'));
  });

  it('keeps speaking when its thread has just ended or is about to end', async () => {
    await using hasty = createEspeakSpeech({ idleMs: 1 });
    for (const waitMs of [0, 1, 2, 3, 5]) {
      const { audio } = await hasty.speak({ text: 'hello', voice: 'Sarah' }, never);
      assert.ok(audio.length > 44);
      await new Promise((wake) => setTimeout(wake, waitMs));
    }
  });

  it('identifies what the sound depends on, and says that the voice is not the requested one', async () => {
    const sarah = await speech.identity({ text: 'x', voice: 'Sarah' }, never);
    assert.equal(sarah[0], 'espeak');
    assert.match(sarah[1] ?? '', /^\d+\.\d+\.\d+/);
    assert.deepEqual(await speech.identity({ text: 'y', voice: 'sarah ' }, never), sarah);
    assert.equal((await speech.identity({ text: 'x', voice: 'pt-BR' }, never))[2], 'pt-br');
    assert.match(speech.notice ?? '', /offline voice.+mapped to one of its variants/);
  });
});

describe('startSpeechThread', () => {
  it("fails with eSpeak's own message for an unknown voice, and ends", async () => {
    const thread = startSpeechThread();
    const request = { text: 'hello', voice: 'nonsense', speed: 165, mostSeconds: 60 };
    await assert.rejects(
      thread.speak(request, 60_000, never),
      failedWith(/"hello" to be .+voice does not exist/),
    );
    assert.equal(thread.ended, true);
  });

  it('fails when eSpeak reads the text as an option', async () => {
    const request = { text: '-v de', voice: 'en', speed: 165, mostSeconds: 60 };
    await assert.rejects(startSpeechThread().speak(request, 60_000, never), failedWith(/Next step: shorten/));
  });
});

describe('a line that would be spoken for very long', () => {
  it('is refused while it is spoken, in little memory, and the next line is spoken', async () => {
    // The whole ten minutes take five seconds.
    const mostSeconds = EXHAUSTIVE ? undefined : 60;
    await using speech = createEspeakSpeech(mostSeconds === undefined ? {} : { mostSeconds });
    // Foreign letters are named one by one: this would last 23 minutes, and took 2 GB.
    const line = { text: '\u6f22'.repeat(5_000), voice: 'Sarah' };
    const before = process.memoryUsage().rss;
    let peak = before;
    const watch = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage().rss);
    }, 20);
    const refusal = new RegExp(`got more than ${mostSeconds ?? 600} s of sound\\. Next step: shorten`);
    await assert.rejects(speech.speak(line, never), failedWith(refusal));
    clearInterval(watch);
    assert.ok(peak - before < 400 * 2 ** 20, `${(peak - before) / 2 ** 20} MB`);
    const { audio } = await speech.speak({ text: 'still here', voice: 'Sarah' }, never);
    assert.ok(audio.length > 10_000);
  });

  const KINDS: readonly [kind: string, text: string][] = [
    ['digits', '9'.repeat(5_000)],
    ['one word', 'a'.repeat(5_000)],
    ['signs', '%$#@&*'.repeat(833)],
    ['combined accents', `a${'\u0300'.repeat(4_999)}`],
    ['pauses', ' - '.repeat(1_666)],
  ];
  for (const [kind, text] of EXHAUSTIVE ? KINDS : KINDS.slice(0, 1)) {
    it(`ends soon if it consists of ${kind}`, async () => {
      await using speech = createEspeakSpeech({ mostSeconds: 10 });
      const [outcome] = await Promise.allSettled([speech.speak({ text, voice: 'Sarah' }, never)]);
      if (outcome.status === 'fulfilled') assert.ok(outcome.value.audio.length <= 44 + 10 * 44_100);
      else failedWith(/got more than 10 s of sound|got silence/)(outcome.reason);
    });
  }

  it('is refused by its number of characters if no request could hold it', async () => {
    await using speech = createEspeakSpeech();
    const line = { text: '\u{1f600}'.repeat(5_001), voice: 'Sarah' };
    await assert.rejects(
      speech.speak(line, never),
      failedWith(/got 10002 characters. Next step: send at most 5000/),
    );
  });
});

describe('a program that has used the voice', () => {
  it('prints nothing and exits without disposing of anything', () => {
    const program = `
      const { createEspeakSpeech } = await import(${JSON.stringify(new URL('../../../functions/adapters/espeak/espeak.ts', import.meta.url).href)});
      const speech = createEspeakSpeech();
      await speech.speak({ text: 'bye', voice: 'Sarah' }, new AbortController().signal);`;
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      timeout: 30_000,
      encoding: 'utf8',
    });
    assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' });
  });
});

describe('espeakVoice', () => {
  const languages = new Set(['de', 'en-us']);

  it('uses a language code as the language', () => {
    assert.equal(espeakVoice('de', languages), 'de');
    assert.equal(espeakVoice(' EN-US', languages), 'en-us');
  });

  it('always maps a name to the same variant', () => {
    assert.deepEqual(
      ['Sarah', 'Adam', 'Rachel', 'Żółć'].map((name) => espeakVoice(name, languages)),
      ['en+f2', 'en+f2', 'en+m2', 'en+m4'],
    );
  });

  it('spreads names over all variants', () => {
    const names = Array.from({ length: 300 }, (_, at) => `voice ${at}`);
    assert.equal(new Set(names.map((name) => espeakVoice(name, languages))).size, 12);
  });
});

describe('repairedWav', () => {
  it('writes sizes that fit the bytes', () => {
    const wav = Buffer.alloc(144);
    wav.write('RIFF\xff\xff\xff\x7fWAVEfmt ', 'latin1');
    wav.write('data\xff\xff\xff\x7f', 36, 'latin1');
    const repaired = Buffer.from(repairedWav(wav));
    assert.equal(repaired.readUInt32LE(4), 136);
    assert.equal(repaired.readUInt32LE(40), 100);
  });

  it('refuses audio that is not a WAV file', () => {
    assert.throws(() => repairedWav(Buffer.from('ID3')), failedWith(/3 bytes that are not a WAV/));
  });
});
