import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { PermanentError } from '../../../functions/base/errors.ts';
import { numbers, TIMEOUT_MS, until } from '../../contracts/harness.ts';
import { speakingWith } from '../../fixtures/elevenlabs/speaking-with.ts';
import { GEORGE, SARAH, type ServedVoice, VOICES } from '../../fixtures/elevenlabs/voices.ts';

const FOREVER = new AbortController().signal;

function voice(name: string, at = 0): ServedVoice {
  return { id: `voice${String(at).padStart(15, '0')}`, name };
}

function notFound(says: RegExp) {
  return (error: unknown) => {
    assert.ok(PermanentError.is(error), String(error));
    assert.equal(error.code, 'voice_not_found');
    assert.equal(error.stage, 'speak');
    assert.match(error.message, says);
    assert.match(error.message, /Next step: write /);
    return true;
  };
}

describe('a voice of ElevenLabs, by its name', { timeout: TIMEOUT_MS }, () => {
  const found = async (
    name: string,
    voices: readonly ServedVoice[] = VOICES,
  ): Promise<string | undefined> => {
    await using speaking = await speakingWith({ voices });
    return (await speaking.speech.identity({ text: 'x', voice: name }, FOREVER))[1];
  };

  it('is found by its full name, or by the part before its tagline, in any case and with blanks around it', async () => {
    assert.equal(await found('Sarah - Mature, Reassuring, Confident'), SARAH);
    for (const name of ['Sarah', 'sarah', '  SARAH ', 'George']) {
      assert.equal(await found(name), name === 'George' ? GEORGE : SARAH);
    }
  });

  it('is found however an accent is encoded', async () => {
    const voices = [voice('Zo\u00eb')];
    assert.equal(await found('Zoe\u0308'.normalize('NFC'), voices), voices[0]?.id);
    assert.equal(await found('ZO\u00cb', voices), voices[0]?.id);
  });

  it('is the one with the full name, even if others have it before their tagline', async () => {
    const voices = [voice('Max - Loud', 1), voice('Max', 2), voice('Max - Calm', 3), voice('Maxine', 4)];
    assert.equal(await found('max', voices), voices[1]?.id);
  });

  it('is not one that only has the name in its description or labels, or as a part of its own', async () => {
    const voices = [
      { ...voice('Ann', 1), description: 'Sounds like Bob' },
      { ...voice('Cid', 2), labels: { friend: 'Bob' } },
      voice('Bobby', 3),
    ];
    await assert.rejects(
      found('Bob', voices),
      notFound(
        /named "Bob" .+ got none of that name, but "Ann" \(voice0+1\), "Cid" \(voice0+2\), "Bobby" \(voice0+3\)\./,
      ),
    );
  });

  it('is not found if the account has nothing like it', async () => {
    await assert.rejects(found('Nobody'), notFound(/named "Nobody" in this ElevenLabs account, got none\. /));
  });

  it('is not chosen among several of that name: the message names them, ten at most', async () => {
    const taglines = [voice('Max - Loud', 1), voice('Max - Calm', 2)];
    await assert.rejects(
      found('Max', taglines),
      notFound(
        /one voice named "Max", got 2: "Max - Loud" \(voice0+1\), "Max - Calm" \(voice0+2\)\. Next step: write the id/,
      ),
    );
    const clones = numbers(25).map((at) => voice('Clone', at));
    await assert.rejects(
      found('clone', clones),
      notFound(/got 25: ("Clone" \(voice\d+\)(, )?){10} and 15 more\./),
    );
  });

  it('is found on the last of many pages, and not taken before they are all seen', async () => {
    const many = numbers(249).map((at) => voice(`Robot ${at}`, at));
    const last = voice('Robot', 249);
    assert.equal(await found('robot', [...many, last]), last.id);
    const twice = [voice('Robot', 998), ...many.slice(0, 120), voice('Robot', 999)];
    await assert.rejects(found('robot', twice), notFound(/got 2/));
  });

  it('is not searched for without end', async () => {
    const last = voice('Robot', 1000);
    const many = numbers(1000).map((at) => voice(`Robot ${at}`, at));
    assert.equal(await found('robot', [...many.slice(1), last]), last.id);
    await assert.rejects(found('robot', [...many, last]), notFound(/at most 1000 voices .+ got more/));
  });

  it('is used as an id, without a search, if it looks like one', async () => {
    await using speaking = await speakingWith();
    const id = 'abcdefghij0123456789';
    assert.equal((await speaking.speech.identity({ text: 'x', voice: ` ${id} ` }, FOREVER))[1], id);
    assert.equal(speaking.server.asked('voices'), 0);
  });
});

describe('the search for a voice of ElevenLabs', { timeout: TIMEOUT_MS }, () => {
  const sarah = { text: 'x', voice: 'Sarah' };

  it('is made once for many concurrent callers, and not again for a while', async () => {
    await using speaking = await speakingWith();
    const { speech, server } = speaking;
    const spellings = ['Sarah', 'sarah', ' SARAH', 'Sarah'];
    const ask = () => Promise.all(spellings.map((voice) => speech.identity({ text: 'x', voice }, FOREVER)));
    for (const [, id] of [...(await ask()), ...(await ask())]) assert.equal(id, SARAH);
    await speech.speak(sarah, FOREVER);
    assert.equal(server.asked('voices'), 1);
  });

  it('is made again after that', async () => {
    await using speaking = await speakingWith({}, { limits: { rememberMs: 5 } });
    await speaking.speech.identity(sarah, FOREVER);
    await sleep(20);
    await speaking.speech.identity(sarah, FOREVER);
    assert.equal(speaking.server.asked('voices'), 2);
  });

  it('is made again after one that failed, or found nothing', async () => {
    await using speaking = await speakingWith();
    const { speech, server } = speaking;
    server.script('voices', [{ does: 'refuse', status: 503, body: {} }]);
    await assert.rejects(speech.identity(sarah, FOREVER), { code: 'speech_busy' });
    const body = { voices: [], has_more: false, total_count: 0 };
    server.script('voices', [{ does: 'answer', body }]);
    await assert.rejects(speech.identity(sarah, FOREVER), { code: 'voice_not_found' });
    assert.equal((await speech.identity(sarah, FOREVER))[1], SARAH);
  });

  it('goes on for the others when one caller is told to stop, even the first', async () => {
    await using speaking = await speakingWith();
    const { speech, server } = speaking;
    server.script('voices', [{ does: 'trickle', everyMs: 1 }]);
    const stop = new AbortController();
    const reason = new Error('not needed any more');
    const first = assert.rejects(speech.identity(sarah, stop.signal), reason);
    const others = numbers(3).map(() => speech.identity(sarah, FOREVER));
    await until(() => server.asked('voices') === 1, 'the request');
    stop.abort(reason);
    await first;
    for (const [, id] of await Promise.all(others)) assert.equal(id, SARAH);
    assert.equal(server.asked('voices'), 1);
  });

  it('ends when the last caller is told to stop, and starts again for the next', async () => {
    await using speaking = await speakingWith({}, { limits: { voicesMs: 10 * TIMEOUT_MS } });
    const { speech, server } = speaking;
    server.script('voices', [{ does: 'stall' }]);
    const stop = new AbortController();
    const reason = new Error('not needed any more');
    const both = numbers(2).map(() => assert.rejects(speech.identity(sarah, stop.signal), reason));
    await until(() => server.asked('voices') === 1, 'the request');
    stop.abort(reason);
    await Promise.all(both);
    assert.equal((await speech.identity(sarah, FOREVER))[1], SARAH);
    await until(() => server.calls[0]?.status === 200, 'the end of the first connection', 10_000);
  });

  it('is made again for a voice that was found before but is gone', async () => {
    await using speaking = await speakingWith({ voices: VOICES });
    const { speech, server } = speaking;
    await speech.identity(sarah, FOREVER);
    const body = { detail: { status: 'voice_not_found', message: 'A voice was not found.' } };
    server.script('speech', [{ does: 'refuse', status: 404, body }]);
    await assert.rejects(speech.speak(sarah, FOREVER), { code: 'voice_not_found' });
    await speech.speak(sarah, FOREVER);
    assert.equal(server.asked('voices'), 2);
  });

  it('fails like any request if the key may not list voices', async () => {
    await using speaking = await speakingWith({ permissions: ['text_to_speech'] });
    await assert.rejects(speaking.speech.identity(sarah, FOREVER), (error) => {
      assert.ok(PermanentError.is(error));
      assert.equal(error.code, 'speech_refused');
      assert.match(error.message, /missing_permissions: .+ permission voices_read/);
      return true;
    });
  });
});
