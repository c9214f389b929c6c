import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';
import { createElevenLabsSpeech } from '../../../functions/adapters/elevenlabs/elevenlabs.ts';
import { elevenLabsError } from '../../../functions/adapters/elevenlabs/errors.ts';
import type { Code } from '../../../functions/base/codes.ts';
import { PermanentError, TransientError } from '../../../functions/base/errors.ts';
import { TIMEOUT_MS } from '../../contracts/harness.ts';
import type { Fault } from '../../fixtures/elevenlabs/faults.ts';
import { type SpeechOptions, speakingWith } from '../../fixtures/elevenlabs/speaking-with.ts';
import { SARAH } from '../../fixtures/elevenlabs/voices.ts';
import { startSourceServer } from '../../fixtures/network/source-server.ts';

const FOREVER = new AbortController().signal;
const LINE = { text: 'Hello', voice: SARAH };

function known(error: unknown): PermanentError | TransientError {
  assert.ok(PermanentError.is(error) || TransientError.is(error), String(error));
  return error;
}

async function failureOf(
  fault: Fault | undefined,
  {
    text = LINE.text,
    voice = LINE.voice,
    ...options
  }: SpeechOptions & { text?: string; voice?: string } = {},
  serverOptions: Parameters<typeof speakingWith>[0] = {},
): Promise<PermanentError | TransientError> {
  await using speaking = await speakingWith(serverOptions, options);
  if (fault) speaking.server.script('speech', [fault]);
  const spoken = speaking.speech.speak({ text, voice }, FOREVER);
  return known(
    await spoken.then(
      () => 'no error',
      (error: unknown) => error,
    ),
  );
}

/** The vendor's old and new formats of a detail. In the new one, `status` is for older clients. */
const older = (status: string, message = 'So it is.') => ({ status, message });
const newer = (type: string, code: string, status: string, message = 'So it is.') => ({
  ...{ type, code, status, message },
  request_id: '3c807fc4c3a1705f9638ecc764a91c01',
});
const NO_SCOPE = 'The API key you used is missing the permission text_to_speech to execute this operation.';
const NO_CREDITS = 'You have 0 credits remaining, while 91 credits are required for this request.';

type Row = readonly [status: number, detail: unknown, says: RegExp];

const REFUSALS = {
  speech_refused: [
    [401, older('invalid_api_key', 'Invalid API key'), /got 401 \(invalid_api_key: Invalid API key\)\./],
    [401, older('needs_authorization'), /needs_authorization/],
    [
      401,
      newer('authentication_error', 'unauthorized', 'missing_permissions', NO_SCOPE),
      /\(missing_permi.+speech/,
    ],
    [401, older('detected_unusual_activity', 'Free Tier usage disabled.'), /unusual_activity: Free Tier/],
    [401, older('something_new'), /something_new/],
    [
      402,
      newer('payment_required', 'paid_plan_required', 'payment_required'),
      /402 \(paid_plan_required: So/,
    ],
    [403, older('only_for_creator+'), /only_for_creator\+/],
    [403, older('subscription_required'), /subscription_required/],
    [403, older('output_format_not_allowed'), /output_format_not_allowed/],
    [400, older('model_access_denied'), /model_access_denied/],
  ],
  speech_quota: [
    ...[400, 401, 402, 403, 429].map(
      (status): Row => [status, older('quota_exceeded', NO_CREDITS), /91 credits/],
    ),
    [
      401,
      { code: 'quota_exceeded', message: NO_CREDITS },
      /\(quota_exceeded: .+ Next step: upgrade the plan/,
    ],
  ],
  voice_not_found: [
    [400, older('voice_not_found'), /400 \(voice_not_found: .+ Next step: write the id/],
    [404, newer('not_found', 'voice_not_found', 'voice_not_found'), /404 \(voice_not_found/],
    [400, older('voice_limit_reached'), /voice_limit_reached/],
  ],
  speech_failed: [
    [
      400,
      older('max_character_limit_exceeded', 'It has 627.'),
      /It has 627\.\)\. Next step: fix what it says, or shorten/,
    ],
    [400, older('model_not_found'), /Next step: set ELEVENLABS_MODEL/],
    [400, older('invalid_output_format'), /Next step: set ELEVENLABS_FORMAT/],
    [400, newer('validation_error', 'invalid_parameters', 'invalid_parameters'), /\(invalid_parameters: So/],
    [400, 'Something is wrong with the text', /400 \(Something is wrong with the text\)/],
    [404, 'Not Found', /Next step: check that ELEVENLABS_API_URL/],
    [
      422,
      [{ loc: ['body', 'text'], msg: 'field required', type: 'missing' }, 'odd'],
      /body\.text: field required; odd/,
    ],
  ],
  speech_busy: [
    [429, older('too_many_concurrent_requests'), /got 429 \(too_many_concurrent_requests: So it is\.\)\.$/],
    [
      429,
      newer('rate_limit_error', 'concurrent_limit_exceeded', 'too_many_concurrent_requests'),
      /429 \(concurrent/,
    ],
    [429, older('system_busy'), /system_busy/],
    [429, newer('rate_limit_error', 'rate_limit_exceeded', 'rate_limit_exceeded'), /rate_limit_exceeded/],
    [408, null, /got 408\.$/],
    [409, { message: 'Conflict' }, /409 \(Conflict\)/],
    [500, older('internal_error'), /500 \(internal_error/],
    [503, 7, /got 503\.$/],
  ],
} as const satisfies Partial<Record<Code, readonly Row[]>>;

describe('what ElevenLabs refuses', { timeout: TIMEOUT_MS }, () => {
  for (const [code, rows] of Object.entries<readonly Row[]>(REFUSALS)) {
    for (const [status, detail, says] of rows) {
      it(`is ${code}: ${status} ${JSON.stringify(detail).slice(0, 90)}`, async () => {
        const error = await failureOf({ does: 'refuse', status, body: { detail } });
        assert.equal(error.code, code);
        assert.match(error.message, /^Expected .+, got /);
        assert.match(error.message, says);
        assert.ok(error.cause instanceof Error);
        if (code === 'speech_busy') return assert.ok(TransientError.is(error));
        assert.ok(PermanentError.is(error));
        assert.equal(error.stage, 'speak');
        assert.match(error.message, /\. Next step: /);
      });
    }
  }

  it('is reported by its status if a proxy on the way answers with a page', async () => {
    const body = '<html><title>502 Bad Gateway</title></html>';
    const error = await failureOf({ does: 'refuse', status: 502, body });
    assert.equal(error.code, 'speech_busy');
    assert.match(error.message, /got 502 \(a web page\)\.$/);
  });

  for (const [header, retryAfterMs] of [
    ['2', 2_000],
    [undefined, undefined],
    ['soon', undefined],
  ] as const) {
    it(`is retried after the requested pause, if it has one: ${header}`, async () => {
      const headers = header === undefined ? {} : { 'retry-after': header };
      const error = await failureOf({ does: 'refuse', status: 503, body: {}, headers });
      assert.ok(TransientError.is(error));
      assert.equal(error.retryAfterMs, retryAfterMs);
    });
  }

  it('is reported briefly, and never with the key', async () => {
    await using speaking = await speakingWith();
    const { apiKey } = speaking.server;
    // The key is also where the message is cut off.
    for (const words of [`Key ${apiKey} is wrong`, `${'x'.repeat(270)} ${apiKey} ${'y'.repeat(900)}`]) {
      const body = { detail: { status: 'invalid_api_key', message: words } };
      speaking.server.script('speech', [{ does: 'refuse', status: 401, body }]);
      const error = known(await speaking.speech.speak(LINE, FOREVER).catch((caught: unknown) => caught));
      assert.match(error.message, /\*\*\*/);
      assert.ok(error.message.length < 600, error.message);
      assert.doesNotMatch(error.message, new RegExp(apiKey.slice(0, 12)));
      assert.equal(error.cause, undefined, 'the cause goes to the log');
    }
  });
});

describe('what the test server refuses, like ElevenLabs', { timeout: TIMEOUT_MS }, () => {
  const CASES: readonly [title: string, code: Code, ...Parameters<typeof failureOf>][] = [
    ['a wrong key', 'speech_refused', undefined, { apiKey: 'sk_wrong' }],
    ['a key that may not speak', 'speech_refused', undefined, {}, { permissions: ['voices_read'] }],
    ['a format of a larger plan', 'speech_refused', undefined, { format: 'wav_44100' }],
    ['more characters than are left', 'speech_quota', undefined, {}, { credits: 4 }],
    ['a voice that does not exist', 'voice_not_found', undefined, { voice: 'A'.repeat(20) }],
    ['a text that is too long for the model', 'speech_failed', undefined, { text: 'x'.repeat(10_001) }],
    ['an empty text', 'speech_failed', undefined, { text: ' ' }],
    ['a model that does not exist', 'speech_failed', undefined, { model: 'eleven_nonsense' }],
    ['settings out of range', 'speech_failed', undefined, { voiceSettings: { speed: 5 } }],
    ['one request too many', 'speech_busy', undefined, {}, { maximum: 0 }],
  ];
  for (const [title, code, ...given] of CASES) {
    it(`${title}: ${code}`, async () => assert.equal((await failureOf(...given)).code, code));
  }
});

describe('what goes wrong on the way to ElevenLabs', { timeout: TIMEOUT_MS }, () => {
  for (const does of ['cut', 'drop'] as const) {
    it(`is the network: the connection ends ${does === 'cut' ? 'before' : 'within'} the answer`, async () => {
      const error = await failureOf({ does });
      assert.equal(error.code, 'network');
      assert.match(error.message, /got UND_ERR_SOCKET/);
    });
  }

  it('is the network: nothing listens', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    const error = await failureOf(undefined, { apiUrl: `http://127.0.0.1:${port}` });
    assert.equal(error.code, 'network');
    assert.match(error.message, /ECONNREFUSED/);
  });

  it('is the network: the host is unknown', async () => {
    const error = await failureOf(undefined, { apiUrl: 'http://elevenlabs.invalid' });
    assert.equal(error.code, 'network');
    assert.match(error.message, /ENOTFOUND|EAI_AGAIN/);
  });

  it('is not followed, because that would send the key elsewhere: a redirect', async () => {
    await using elsewhere = await startSourceServer({ '/': { body: Buffer.from('{}') } });
    const fault = {
      does: 'refuse',
      status: 302,
      body: {},
      headers: { location: elsewhere.url('/') },
    } as const;
    const error = await failureOf(fault);
    assert.equal(error.code, 'speech_failed');
    assert.match(error.message, /Next step: check that ELEVENLABS_API_URL/);
    assert.equal(elsewhere.count(), 0);
  });

  it('is transient: an error that claims to be JSON and is not', async () => {
    const headers = { 'content-type': 'application/json' };
    const error = await failureOf({ does: 'refuse', status: 500, body: 'oops {', headers });
    assert.equal(error.code, 'speech_busy');
  });
});

describe('what never reaches ElevenLabs', { timeout: TIMEOUT_MS }, () => {
  it('is a format that the client does not know', async () => {
    const error = await failureOf(undefined, { format: 'banana' });
    assert.equal(error.code, 'speech_failed');
    assert.match(error.message, /banana.+ Next step: check ELEVENLABS_FORMAT/);
  });

  for (const apiKey of ['secret\nkey', 'secret key', 'secret-\u20ac', '']) {
    it(`is a key that no header can carry, and no message shows: ${JSON.stringify(apiKey)}`, async () => {
      const options = { apiKey, apiUrl: undefined, model: 'm', format: 'wav_8000', voiceSettings: undefined };
      const speech = createElevenLabsSpeech(options);
      for (const call of [
        speech.speak(LINE, FOREVER),
        speech.identity({ text: 'x', voice: 'Sarah' }, FOREVER),
      ]) {
        const error = known(await call.catch((caught: unknown) => caught));
        assert.equal(error.code, 'speech_refused');
        assert.doesNotMatch(error.message, /secret/);
        assert.equal(error.cause, undefined);
      }
    });
  }

  it('stays unchanged if it is unexpected', () => {
    for (const error of [new TypeError('x is not a function'), 'text', undefined, new RangeError('code')]) {
      assert.equal(elevenLabsError(error, 'key'), error);
    }
  });
});
