import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createElevenLabsVoices, isSampleUrl } from '../../../functions/adapters/elevenlabs/catalog.ts';
import { PermanentError, TransientError } from '../../../functions/base/errors.ts';
import { numbers, TIMEOUT_MS } from '../../contracts/harness.ts';
import { voicesContract } from '../../contracts/voices.ts';
import { type ElevenLabsServerOptions, startElevenLabsServer } from '../../fixtures/elevenlabs/server.ts';
import { soundOf } from '../../fixtures/elevenlabs/sound.ts';
import { GEORGE, SARAH, type ServedVoice, VOICES } from '../../fixtures/elevenlabs/voices.ts';

const FOREVER = new AbortController().signal;
const ALL = { search: '', limit: 100 };
/** Of the test: the real ones are tested with the host. */
const SAMPLE = 'http://127.0.0.1:1/sample.mp3';
const MP3 = soundOf('mp3_22050_32', { seconds: 1, pitch: 300 });
const voices: ServedVoice[] = [
  ...VOICES.map((voice) => ({ ...voice, preview_url: `${SAMPLE}?${voice.id}` })),
  { id: 'nosample000000000000', name: 'Nora' },
];

async function catalogWith(
  server: ElevenLabsServerOptions = {},
  options: { apiKey?: string; keepMs?: number; voicesMs?: number; sample?: () => Promise<Uint8Array> } = {},
) {
  const running = await startElevenLabsServer({ voices, ...server });
  const { apiKey = running.apiKey, sample = () => MP3, ...limits } = options;
  const downloads: string[] = [];
  const catalog = createElevenLabsVoices({
    apiKey,
    apiUrl: running.url,
    download: async (url) => {
      downloads.push(url);
      return sample();
    },
    limits,
  });
  return {
    server: running,
    catalog,
    downloads,
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  };
}

voicesContract('ElevenLabs', async () => ({
  ...(await catalogWith()),
  voice: { id: SARAH, search: 'sarah' },
}));

describe('the voices of an ElevenLabs account', { timeout: TIMEOUT_MS }, () => {
  it('are described in the words of the vendor', async () => {
    const odd = [
      { ...voices[0], labels: { language: 'en', accent: 'american', descriptive: ' ', age: 7 } },
      { name: 'no id' },
      { id: '../../etc', name: 'a path' },
      { id: GEORGE },
    ] as unknown as ServedVoice[];
    await using opened = await catalogWith({ voices: odd });
    const page = await opened.catalog.list(ALL, FOREVER);
    assert.deepEqual(page?.voices, [
      {
        id: SARAH,
        name: 'Sarah - Mature, Reassuring, Confident',
        description: 'Young adult woman with a confident and warm tone.',
        language: 'en',
        labels: ['american', 'premade'],
        preview: true,
      },
      { id: GEORGE, name: GEORGE, description: null, language: null, labels: [], preview: false },
    ]);
  });

  it('are asked for once a minute', async () => {
    await using opened = await catalogWith();
    const ask = () => opened.catalog.list(ALL, FOREVER);
    assert.deepEqual(await Promise.all([ask(), ask()]), [await ask(), await ask()]);
    assert.equal(opened.server.asked('voices'), 1);
    await opened.catalog.list({ ...ALL, search: 'George' }, FOREVER);
    assert.equal(opened.server.asked('voices'), 2);
    await using forgetful = await catalogWith({}, { keepMs: 1 });
    for (const _ of numbers(2)) {
      await forgetful.catalog.list(ALL, FOREVER);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert.equal(forgetful.server.asked('voices'), 2);
  });

  it('have samples that are downloaded once, and found again without the list', async () => {
    await using opened = await catalogWith();
    const sample = await opened.catalog.preview(GEORGE, FOREVER);
    assert.equal(sample?.type, 'audio/mpeg');
    await opened.catalog.preview(GEORGE, FOREVER);
    assert.deepEqual(opened.downloads, [`${SAMPLE}?${GEORGE}`]);
    assert.deepEqual(
      opened.server.calls.map(({ query }) => query['voice_ids']),
      [GEORGE],
    );
    for (const id of ['nosample000000000000', 'unknown0000000000000', '../x', ''])
      assert.equal(await opened.catalog.preview(id, FOREVER), undefined, id);
    assert.equal(opened.downloads.length, 1);
  });

  it('have no sample at an address that is not https, unless the vendor is a test server', async () => {
    const at = (preview_url: string) => [{ ...(voices[0] as ServedVoice), preview_url }];
    for (const [url, hasSample] of [
      ['https://example.com/a.mp3', true],
      ['file:///etc/passwd', false],
      ['nowhere', false],
    ] as const) {
      await using opened = await catalogWith({ voices: at(url) });
      const page = await opened.catalog.list(ALL, FOREVER);
      assert.equal(page?.voices[0]?.preview, hasSample, url);
      assert.equal((await opened.catalog.preview(SARAH, FOREVER)) !== undefined, hasSample, url);
    }
  });

  it('have no sample over plain http from the vendor itself', () => {
    assert.equal(isSampleUrl('http://example.com/a.mp3', 'https://api.elevenlabs.io'), false);
    assert.equal(isSampleUrl('https://example.com/a.mp3', 'https://api.elevenlabs.io'), true);
    assert.equal(isSampleUrl('http://127.0.0.1/a.mp3', 'http://127.0.0.1:9'), true);
  });

  it('have no sample that is a page', async () => {
    await using opened = await catalogWith({}, { sample: async () => Buffer.from('<html><script>') });
    await assert.rejects(opened.catalog.preview(SARAH, FOREVER), {
      name: 'PermanentError',
      code: 'speech_failed',
      message: /^Expected a sample as MP3 or WAV from ElevenLabs, got another file\. Next step: /,
    });
  });

  it('are not shown without the right to read them, and the error says so', async () => {
    for (const [server, options] of [
      [{ permissions: ['text_to_speech'] }, {}],
      [{}, { apiKey: 'another key' }],
      [{}, { apiKey: 'sk_wrong_wrong' }],
    ] as const) {
      await using opened = await catalogWith(server, options);
      await assert.rejects(opened.catalog.list(ALL, FOREVER), (error: unknown) => {
        assert.ok(PermanentError.is(error), String(error));
        assert.equal(error.code, 'speech_refused');
        assert.ok(!error.message.includes(opened.server.apiKey));
        return true;
      });
    }
  });

  it('are not taken from a page of something else', async () => {
    await using opened = await catalogWith();
    opened.server.script('voices', [
      { does: 'answer', body: '<html>' },
      { does: 'answer', body: { voices: 'none' } },
    ]);
    for (const _ of numbers(2))
      await assert.rejects(opened.catalog.list(ALL, FOREVER), {
        code: 'speech_failed',
        message: /^Expected a list of voices from ElevenLabs, got something else\. Next step: /,
      });
  });

  it('are asked for again after the network failed', async () => {
    await using opened = await catalogWith({}, { voicesMs: 300 });
    const isTransient = (error: unknown) => TransientError.is(error);
    const faults = [{ does: 'cut' }, { does: 'hang' }, { does: 'drop' }, { does: 'stall' }] as const;
    opened.server.script('voices', faults);
    for (const { does } of faults) await assert.rejects(opened.catalog.list(ALL, FOREVER), isTransient, does);
    assert.equal((await opened.catalog.list(ALL, FOREVER))?.voices.length, voices.length);
  });

  it('are not listed without a key, and a note says why', async () => {
    await using opened = await catalogWith({}, { apiKey: '' });
    assert.deepEqual(await opened.catalog.list(ALL, FOREVER), { voices: [], next: null });
    assert.equal(await opened.catalog.preview(SARAH, FOREVER), undefined);
    assert.match(opened.catalog.note ?? '', /ELEVENLABS_VOICES_KEY/);
    assert.equal(opened.server.calls.length, 0);
    await using other = await catalogWith();
    assert.equal(other.catalog.note, null);
  });
});
