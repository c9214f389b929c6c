import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { VoiceList } from '../../functions/model/answers/voice.ts';
import { type ElevenLabsServerOptions, startElevenLabsServer } from '../fixtures/elevenlabs/server.ts';
import { soundOf } from '../fixtures/elevenlabs/sound.ts';
import { GEORGE, SARAH, VOICES } from '../fixtures/elevenlabs/voices.ts';
import { startTestApi, type TestApi } from '../fixtures/http/api.ts';
import { type SourceFile, startSourceServer } from '../fixtures/network/source-server.ts';
import { piperFolder, vitsModel } from '../fixtures/speech/tiny-voice.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

const BASE = 'http://127.0.0.1:8080';
const KEY = 'k'.repeat(24);
const NOTHING = Buffer.alloc(0);

const ask = ({ api }: TestApi, path: string, init: RequestInit = {}) =>
  api(new Request(`${BASE}${path}`, { headers: { 'x-api-key': KEY }, ...init }));

async function listOf(service: TestApi, query = ''): Promise<VoiceList> {
  const answer = await ask(service, `/voices${query}`);
  assert.equal(answer.status, 200);
  return (await answer.json()) as VoiceList;
}

async function refused(answer: Response, status: number, code: string): Promise<string> {
  const problem = (await answer.json()) as { code: string; detail: string; errors?: unknown };
  assert.deepEqual([answer.status, problem.code], [status, code], JSON.stringify(problem));
  return problem.detail;
}

/** With samples that another server has, and without the key there. */
async function elevenLabs(
  sample: SourceFile,
  { env = {}, ...options }: ElevenLabsServerOptions & { env?: Record<string, string> } = {},
) {
  await using opened = new AsyncDisposableStack();
  const samples = opened.use(await startSourceServer({ '/sarah.mp3': sample }));
  const [sarah, ...others] = VOICES;
  const voices = [{ ...sarah, preview_url: samples.url('/sarah.mp3') }, ...others] as typeof VOICES;
  const server = opened.use(await startElevenLabsServer({ voices, ...options }));
  const service = opened.use(
    await startTestApi({
      API_KEY: KEY,
      ELEVENLABS_API_KEY: server.apiKey,
      ELEVENLABS_API_URL: server.url,
      ...env,
    }),
  );
  const all = opened.move();
  return { samples, server, service, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

describe('a neural voice', () => {
  test('that is broken inside has no sample, and the answer says what to do', async () => {
    await using dir = await tempDir();
    const model = vitsModel();
    model.write('Cosh', model.indexOf('Range'));
    const folder = piperFolder(join(dir.path, 'voice'), model);
    await using service = await startTestApi({ API_KEY: KEY, OFFLINE_VOICE: folder });
    const answer = await ask(service, '/voices/0/preview');
    const { status, title, detail } = (await answer.json()) as Record<string, unknown>;
    assert.deepEqual([status, title], [502, 'The voices cannot be shown or heard']);
    assert.match(String(detail), /refused the model.+Next step: download the voice again/);
  });
});

describe('the built-in voices', () => {
  test('are listed in pages, found by a name, and heard', async () => {
    await using service = await startTestApi({ API_KEY: KEY });
    assert.equal((await service.api(new Request(`${BASE}/voices`))).status, 401);
    const { voices, next_cursor, provider, any_name, note } = await listOf(service, '?limit=12');
    assert.deepEqual([provider, any_name, voices.length], ['espeak', true, 12]);
    assert.match(String(note), /eSpeak NG/);
    const next = await listOf(service, `?limit=100&cursor=${next_cursor}`);
    assert.ok(next.voices.length > 80);
    const [german] = (await listOf(service, '?search=german')).voices;
    assert.equal(german?.id, 'de');

    const sample = await ask(service, '/voices/Olivia/preview');
    assert.equal(sample.headers.get('content-type'), 'audio/wav');
    const bytes = Buffer.from(await sample.arrayBuffer());
    assert.equal(bytes.length, Number(sample.headers.get('content-length')));
    assert.equal(bytes.toString('latin1', 0, 4), 'RIFF');
    const named = await ask(service, `/voices/${encodeURIComponent('Zoë / 2')}/preview`);
    assert.equal(named.status, 200);
  });

  test('refuse a search, a limit and a cursor that are none', async () => {
    await using service = await startTestApi({ API_KEY: KEY });
    for (const query of [`search=${'x'.repeat(201)}`, 'limit=0', 'cursor=x', 'page=2'])
      await refused(await ask(service, `/voices?${query}`), 422, 'invalid_request');
    for (const name of ['%ff', '%20', 'x'.repeat(201)])
      await refused(await ask(service, `/voices/${name}/preview`), 404, 'not_found');
  });
});

describe('the voices of ElevenLabs', () => {
  test('are listed, and their samples come from here', async () => {
    const body = await soundOf('mp3_22050_32', { seconds: 1, pitch: 300 });
    await using opened = await elevenLabs({ body });
    const { service, samples } = opened;
    const { voices, provider, any_name, note } = await listOf(service);
    assert.deepEqual([provider, any_name, note], ['elevenlabs', false, null]);
    assert.deepEqual(
      voices.map(({ id, preview }) => [id, preview]),
      VOICES.map(({ id }) => [id, id === SARAH]),
    );
    for (const _ of [1, 2]) {
      const sample = await ask(service, `/voices/${SARAH}/preview`);
      assert.equal(sample.headers.get('content-type'), 'audio/mpeg');
      assert.deepEqual(Buffer.from(await sample.arrayBuffer()), body);
    }
    const [asked, ...more] = samples.seen('/sarah.mp3');
    assert.deepEqual(more, []);
    assert.ok(!JSON.stringify(asked?.headers).includes(opened.server.apiKey));
    const none = await refused(await ask(service, `/voices/${GEORGE}/preview`), 404, 'not_found');
    assert.match(none, new RegExp(GEORGE));
  });

  test('have no sample of more than 5 MB, none that is a page, and none that is missing', async () => {
    const large = Buffer.alloc(5 * 2 ** 20 + 1);
    large.write('ID3');
    const samples: [SourceFile, RegExp][] = [
      [
        { body: large },
        /^Expected a sample of the voice of at most 5 MB, got none\. It is larger\. Next step: /,
      ],
      [
        { body: large, chunked: true },
        /^Expected a sample of the voice of at most 5 MB, got none\. It is larger\. Next step: /,
      ],
      [{ body: Buffer.from('<html><script>alert(1)</script>'), contentType: 'audio/mpeg' }, /page/],
      [{ body: NOTHING, always: { does: 'status', status: 404 } }, /404/],
    ];
    for (const [sample, says] of samples) {
      await using opened = await elevenLabs(sample);
      const answer = await ask(opened.service, `/voices/${SARAH}/preview`);
      assert.match(await refused(answer, 502, 'voices_unavailable'), says, JSON.stringify(sample).slice(-80));
    }
  });

  test('are not shown by a key that may not read them, and the answer says what to do', async () => {
    await using opened = await elevenLabs({ body: NOTHING }, { permissions: ['text_to_speech'] });
    const detail = await refused(await ask(opened.service, '/voices'), 502, 'voices_unavailable');
    assert.match(
      detail,
      /voices to this key, got 401 \(missing_permissions.*voices_read.*Next step: set ELEVENLABS_VOICES_KEY, or/,
    );
  });

  test('are unavailable for a while, while ElevenLabs is', async () => {
    await using opened = await elevenLabs({ body: NOTHING });
    const busy = { does: 'refuse', status: 503, body: {}, headers: { 'retry-after': '20' } } as const;
    opened.server.script('voices', [busy]);
    const answer = await ask(opened.service, '/voices');
    assert.equal(answer.headers.get('retry-after'), '20');
    await refused(answer, 503, 'unavailable');
    assert.equal((await listOf(opened.service)).voices.length, VOICES.length);
  });

  test('are listed by a key of their own, which need not speak', async () => {
    await using opened = await elevenLabs({ body: NOTHING });
    await using service = await startTestApi({
      ELEVENLABS_API_KEY: 'sk_another_key',
      ELEVENLABS_VOICES_KEY: opened.server.apiKey,
      ELEVENLABS_API_URL: opened.server.url,
    });
    assert.equal((await listOf(service)).voices.length, VOICES.length);
  });
});
