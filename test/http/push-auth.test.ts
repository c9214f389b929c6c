/**
 * Who may push to a stage: over HTTP, with tokens that Google's own client verifies against a test issuer's
 * certificates.
 */
import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { request } from 'undici';
import { createTokenReader } from '../../functions/adapters/pubsub/push-token.ts';
import { CODES } from '../../functions/base/codes.ts';
import { TransientError } from '../../functions/base/errors.ts';
import { FUNCTION_NAMES, type FunctionName } from '../../functions/hosts/cloud.ts';
import { jwtText, signedJwt } from '../fixtures/google/jwt.ts';
import {
  type Claims,
  claimsOf,
  PUSH_ACCOUNT,
  PUSH_AUDIENCE,
  startTokenIssuer,
  type TokenIssuer,
} from '../fixtures/google/token-issuer.ts';
import { type StageServer, startStageServer } from '../fixtures/hosts/stage-server.ts';

const SETTINGS = { PUSH_ACCOUNT, PUSH_AUDIENCE };
const STAGES = FUNCTION_NAMES.filter((name) => name !== 'processMedia');
const MESSAGES: Record<string, object> = {
  prepare: { topic: 'prepare', taskId: 'a', source: 0 },
  render: { topic: 'render', taskId: 'a', index: 7 },
  complete: { topic: 'complete', taskId: 'a' },
  webhook: { topic: 'webhook', taskId: 'a' },
  deadLetter: { topic: 'dead-letter', taskId: 'a', message: { topic: 'render', taskId: 'a', index: 7 } },
};
const HANDLED: Record<string, string> = { render: 'render 7', deadLetter: 'dead-letter' };
const MINUTE = 60;
const HOUR = 3_600;

const now = () => Math.floor(Date.now() / 1000);
const other = generateKeyPairSync('rsa', { modulusLength: 2048 });

interface Answered {
  status: number;
  headers: Record<string, unknown>;
  body: string;
}

/** Pushes as Pub/Sub does. @param authorization one header, several, or none */
async function push(
  stages: StageServer,
  name: FunctionName,
  authorization: string | string[] | undefined,
  more: Record<string, string> = {},
): Promise<Answered> {
  const data = Buffer.from(JSON.stringify(MESSAGES[name] ?? {})).toString('base64');
  const answer = await request(stages.url(name), {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...more,
      ...(authorization === undefined ? {} : { authorization }),
    },
    body: JSON.stringify({ message: { messageId: '77', data }, subscription: 's' }),
  });
  return { status: answer.statusCode, headers: answer.headers, body: await answer.body.text() };
}

/** Each becomes the Authorization header of a push. */
type Header = (issuer: TokenIssuer) => string | string[] | undefined;

const bearing =
  (claims: Claims, header?: Claims): Header =>
  (issuer) =>
    `Bearer ${issuer.token(claims, header)}`;
const without = (claim: string): Header => bearing({ [claim]: undefined });
const hs256 = (secret: (issuer: TokenIssuer) => string): Header => {
  return (issuer) => {
    const text = jwtText({ alg: 'HS256', kid: issuer.keyId, typ: 'JWT' }, JSON.stringify(claimsOf()));
    return `Bearer ${text}.${createHmac('sha256', secret(issuer)).update(text).digest('base64url')}`;
  };
};
const split = (issuer: TokenIssuer) => issuer.token().split('.') as [string, string, string];

const UNAUTHENTICATED: readonly (readonly [what: string, got: string, header: Header])[] = [
  ['no token', 'none', () => undefined],
  ['an empty header', 'a header without one', () => ''],
  ['a scheme without a token', 'a header without one', () => 'Bearer '],
  ['a word', 'a header without one', () => 'Bearer token'],
  ['an access token', 'a header without one', () => 'Bearer ya29.a0AfH6SMBx'],
  ['another scheme', 'a header without one', (issuer) => `Basic ${issuer.token()}`],
  ['a bare token', 'a header without one', (issuer) => issuer.token()],
  ['a token followed by something else', 'a header without one', (issuer) => `Bearer ${issuer.token()}, x`],
  ['a token of four parts', 'a header without one', (issuer) => `Bearer ${issuer.token()}.x`],
  [
    'two headers, one of them valid',
    'a header without one',
    (issuer) => [`Bearer ${issuer.token()}`, `Bearer ${issuer.token()}`],
  ],
  ['a header that is not JSON', 'one that is not signed with RS256', () => 'Bearer e30x.e30.e30'],
  ['a header that is null', 'one that is not signed with RS256', () => 'Bearer bnVsbA.e30.e30'],
  ['alg none', 'one that is not signed with RS256', bearing({}, { alg: 'none' })],
  [
    'alg none and an empty signature',
    'one that is not signed with RS256',
    () => `Bearer ${jwtText({ alg: 'none' }, JSON.stringify(claimsOf()))}.x`,
  ],
  [
    'HS256 with the certificate as the secret',
    'one that is not signed with RS256',
    hs256((i) => i.certificate),
  ],
  [
    'HS256 with the public key as the secret',
    'one that is not signed with RS256',
    hs256((issuer) => issuer.publicKey.export({ type: 'spki', format: 'pem' }).toString()),
  ],
  [
    'the public key as the secret, declared as RS256',
    'one with a wrong signature',
    (issuer) => {
      const text = jwtText({ alg: 'RS256', kid: issuer.keyId }, JSON.stringify(claimsOf()));
      const mac = createHmac('sha256', issuer.certificate).update(text).digest('base64url');
      return `Bearer ${text}.${mac}`;
    },
  ],
  ['an unknown key', 'one signed with a key that Google does not have', bearing({}, { kid: 'other' })],
  [
    'a key without a name',
    'one signed with a key that Google does not have',
    bearing({}, { kid: undefined }),
  ],
  [
    'a key named like a property of every object',
    'one signed with a key that Google does not have',
    bearing({}, { kid: '__proto__' }),
  ],
  [
    "another key under the name of Google's",
    'one with a wrong signature',
    (issuer) =>
      `Bearer ${signedJwt({ alg: 'RS256', kid: issuer.keyId }, JSON.stringify(claimsOf()), other.privateKey)}`,
  ],
  [
    'claims with the signature of other claims',
    'one with a wrong signature',
    (issuer) => {
      const [head, , signature] = issuer.token({ email: 'someone@example.com' }).split('.');
      return `Bearer ${head}.${split(issuer)[1]}.${signature}`;
    },
  ],
  [
    'a signature that Google removed',
    'one whose signature Google has removed',
    (issuer) => `Bearer ${split(issuer).slice(0, 2).join('.')}.SIGNATURE_REMOVED_BY_GOOGLE`,
  ],
  [
    'an expired token',
    'one that has expired',
    (issuer) => `Bearer ${issuer.token({ iat: now() - 2 * HOUR, exp: now() - 6 * MINUTE })}`,
  ],
  [
    'a token issued in the future',
    'one that is not valid yet',
    (issuer) => `Bearer ${issuer.token({ iat: now() + 6 * MINUTE, exp: now() + HOUR })}`,
  ],
  [
    'a token with a later start',
    'one that is not valid yet',
    (issuer) => `Bearer ${issuer.token({ nbf: now() + 6 * MINUTE })}`,
  ],
  ['a start that is not a number', 'one that is not valid yet', bearing({ nbf: 'soon' })],
  [
    'a token that is valid for too long',
    'one that is valid for too long',
    (issuer) => `Bearer ${issuer.token({ exp: now() + 2 * HOUR })}`,
  ],
  ['a token that never expires', 'one that is not valid', without('exp')],
  ['a token without an issue time', 'one that is not valid', without('iat')],
  ['another issuer', 'one of another issuer', bearing({ iss: 'https://accounts.example.com' })],
  ["the client's own domain as the issuer", 'one of another issuer', bearing({ iss: 'googleapis.com' })],
  [
    "a longer name than the issuer's",
    'one of another issuer',
    bearing({ iss: 'https://accounts.google.com/' }),
  ],
  ['no issuer', 'one of another issuer', without('iss')],
  [
    'claims that are null',
    'one that is not valid',
    (issuer) => {
      const [head] = split(issuer);
      return `Bearer ${head}.bnVsbA.e30`;
    },
  ],
];

const ANOTHER_ACCOUNT = 'one of another account';
const ANOTHER_AUDIENCE = 'one for another audience';
const UNVERIFIED = 'one whose account Google has not verified';
const FORBIDDEN: readonly (readonly [what: string, got: string, claims: Claims])[] = [
  ['another account', ANOTHER_ACCOUNT, { email: 'someone@example.com' }],
  ["the account's name in capitals", ANOTHER_ACCOUNT, { email: PUSH_ACCOUNT.toUpperCase() }],
  ['a longer name of the account', ANOTHER_ACCOUNT, { email: `${PUSH_ACCOUNT}.example.com` }],
  ['a list with the account', ANOTHER_ACCOUNT, { email: [PUSH_ACCOUNT] }],
  ['no account', ANOTHER_ACCOUNT, { email: undefined }],
  ['an account that is not verified', UNVERIFIED, { email_verified: false }],
  ['an account without that claim', UNVERIFIED, { email_verified: undefined }],
  ['an account that is verified as a string', UNVERIFIED, { email_verified: 'true' }],
  ['an account that is verified as a number', UNVERIFIED, { email_verified: 1 }],
  ['the audience of another function', ANOTHER_AUDIENCE, { aud: PUSH_AUDIENCE.replace('render', 'prepare') }],
  ['the beginning of the audience', ANOTHER_AUDIENCE, { aud: PUSH_AUDIENCE.slice(0, -1) }],
  ['the audience with a slash', ANOTHER_AUDIENCE, { aud: `${PUSH_AUDIENCE}/` }],
  ['a list with the audience', ANOTHER_AUDIENCE, { aud: [PUSH_AUDIENCE] }],
  ['several audiences', ANOTHER_AUDIENCE, { aud: [PUSH_AUDIENCE, 'https://h.example'] }],
  ['no audience', ANOTHER_AUDIENCE, { aud: undefined }],
];

/**
 * The answer is a problem that reveals no more than its code, the log has one line, and the push has no other
 * effect.
 */
async function refusedWithoutTrace(
  stages: StageServer,
  pushed: () => Promise<Answered>,
  status: 401 | 403,
  got: string,
): Promise<void> {
  const trace = () => [stages.handled.length, stages.composed];
  const [before, lines] = [trace(), stages.lines.length];
  const answer = await pushed();
  const code = status === 401 ? 'push_unauthenticated' : 'push_forbidden';
  const detail =
    status === 401
      ? 'Expected a valid token from Google, got none.'
      : 'Expected a caller that may push to this function, got one that may not.';
  const { title, hint } = CODES[code];
  assert.equal(answer.status, status);
  assert.deepEqual(JSON.parse(answer.body), { type: 'about:blank', title, status, detail, code, hint });
  assert.equal(answer.headers['content-type'], 'application/problem+json');
  assert.equal(answer.headers['www-authenticate'], status === 401 ? 'Bearer' : undefined);
  assert.deepEqual(trace(), before);
  assert.equal(stages.lines.length, lines + 1);
  const line = stages.lines.at(-1) ?? {};
  assert.deepEqual(
    [line['event'], line['severity'], line['function']],
    ['push.refused', 'WARNING', 'render'],
  );
  assert.ok(String(line['message']).endsWith(`, got ${got}`), String(line['message']));
}

describe('a push', () => {
  let issuer: TokenIssuer;
  let stages: StageServer;

  before(async () => {
    issuer = await startTokenIssuer();
    stages = await startStageServer({ ...SETTINGS, GOOGLE_API_URL: issuer.url });
  });
  after(async () => {
    await stages?.[Symbol.asyncDispose]();
    await issuer?.[Symbol.asyncDispose]();
  });

  for (const [what, got, header] of UNAUTHENTICATED) {
    test(`with ${what} gets 401, and leaves no trace except a line in the log`, async () => {
      const sent = header(issuer);
      await refusedWithoutTrace(stages, () => push(stages, 'render', sent), 401, got);
      for (const part of [sent ?? []].flat().flatMap((text) => text.split(/[ .,]+/))) {
        assert.ok(part.length < 10 || !stages.text.includes(part), 'no part of the token is logged');
      }
    });
  }

  for (const [what, got, claims] of FORBIDDEN) {
    test(`with the token of ${what} gets 403, and leaves no trace except a line in the log`, async () => {
      const token = issuer.token(claims);
      await refusedWithoutTrace(stages, () => push(stages, 'render', `Bearer ${token}`), 403, got);
      for (const part of [...token.split('.'), PUSH_ACCOUNT, PUSH_AUDIENCE]) {
        assert.ok(!stages.text.includes(part), 'neither a part of the token nor a claim is logged');
      }
    });
  }

  test('with a valid token only in X-Serverless-Authorization is refused, because Cloud Run removes signatures there', async () => {
    const headers = { 'x-serverless-authorization': `Bearer ${issuer.token()}` };
    await refusedWithoutTrace(stages, () => push(stages, 'render', undefined, headers), 401, 'none');
  });

  for (const name of STAGES) {
    test(`reaches ${name} only with a token of the account and for the audience`, async () => {
      await using served = await startStageServer({ ...SETTINGS, GOOGLE_API_URL: issuer.url });
      assert.equal((await push(served, name, undefined)).status, 401);
      const elsewhere = issuer.token({ aud: 'https://h.example' });
      assert.equal((await push(served, name, `Bearer ${elsewhere}`)).status, 403);
      assert.deepEqual(served.handled, []);
      const { status, body } = await push(served, name, `Bearer ${issuer.token()}`);
      assert.deepEqual([status, body], [204, '']);
      assert.deepEqual(served.handled, [HANDLED[name] ?? name]);
    });
  }

  const GOOD: readonly (readonly [what: string, header: Header])[] = [
    ['the short name of the issuer', bearing({ iss: 'accounts.google.com' })],
    ['the scheme in lower case', (i) => `bearer ${i.token()}`],
    ['a clock four minutes fast', (i) => `Bearer ${i.token({ iat: now() + 4 * MINUTE, exp: now() + HOUR })}`],
    ['a clock four minutes slow', (i) => `Bearer ${i.token({ iat: now() - HOUR, exp: now() - 4 * MINUTE })}`],
    ['a start in the past', (i) => `Bearer ${i.token({ nbf: now() - MINUTE })}`],
  ];
  for (const [what, header] of GOOD) {
    test(`may have ${what}`, async () => {
      assert.equal((await push(stages, 'prepare', header(issuer))).status, 204);
    });
  }
});

describe('a push whose signature Cloud Run has removed', () => {
  const CLOUD = {
    ...SETTINGS,
    K_SERVICE: 'every-cut-render',
    PUSH_IAM: 'enforced',
    OUTPUT: 'gcs',
    OUTPUT_BUCKET: 'videos',
    CACHE_BUCKET: 'cache',
    SIGNING_KEY: 'a-key-of-more-than-thirty-two-characters',
  };
  let issuer: TokenIssuer;
  before(async () => {
    issuer = await startTokenIssuer();
  });
  after(() => issuer?.[Symbol.asyncDispose]());

  const removed = (claims?: Claims, header?: Claims) =>
    `Bearer ${issuer.token(claims, header).split('.').slice(0, 2).join('.')}.SIGNATURE_REMOVED_BY_GOOGLE`;

  test('is accepted by a stage that only the account can call, and the log says once which kind came', async () => {
    await using stages = await startStageServer({ ...CLOUD, GOOGLE_API_URL: issuer.url });
    for (const authorization of [removed(), removed(), `Bearer ${issuer.token()}`])
      assert.equal((await push(stages, 'render', authorization)).status, 204);
    assert.deepEqual(
      stages.lines.filter(({ event }) => event === 'push.accepted').map(({ token }) => token),
      ['unsigned', 'signed'],
    );
  });

  const NEEDED: readonly (readonly [string, Record<string, string>, Record<string, string>])[] = [
    ['PUSH_IAM is not set', { PUSH_IAM: '' }, {}],
    ['the stage is not on Cloud Run', { K_SERVICE: '' }, {}],
    ['the token that was checked may be another one', {}, { 'x-serverless-authorization': 'Bearer a.b.c' }],
  ];
  for (const [what, settings, headers] of NEEDED) {
    test(`is refused if ${what}`, async () => {
      const set = Object.entries({ ...CLOUD, ...settings }).filter(([, value]) => value !== '');
      await using stages = await startStageServer({ ...Object.fromEntries(set), GOOGLE_API_URL: issuer.url });
      const got =
        Object.keys(headers).length > 0
          ? 'one without a signature beside X-Serverless-Authorization'
          : 'one whose signature Google has removed';
      await refusedWithoutTrace(stages, () => push(stages, 'render', removed(), headers), 401, got);
    });
  }

  // Times are counted from when they are used: that may be minutes after this file was loaded.
  const WRONG: readonly (readonly [status: 401 | 403, got: string, claims: () => Claims, header?: Claims])[] =
    [
      [403, 'one of another account', () => ({ email: 'someone@example.com' })],
      [403, 'one for another audience', () => ({ aud: 'https://h.example' })],
      [403, 'one whose account Google has not verified', () => ({ email_verified: undefined })],
      [401, 'one of another issuer', () => ({ iss: 'https://h.example' })],
      [401, 'one that has expired', () => ({ iat: now() - 2 * HOUR, exp: now() - 6 * MINUTE })],
      [401, 'one that has expired', () => ({ exp: undefined })],
      [401, 'one that is valid for too long', () => ({ exp: now() + 2 * HOUR })],
      [401, 'one that is not valid yet', () => ({ iat: now() + 6 * MINUTE, exp: now() + HOUR })],
      [401, 'one that is not valid yet', () => ({ iat: undefined })],
      [401, 'one that is not valid yet', () => ({ nbf: now() + 6 * MINUTE })],
      [401, 'one that is not signed with RS256', () => ({}), { alg: 'none' }],
    ];
  for (const [status, got, claims, header] of WRONG) {
    test(`gets ${status} as ${got}: ${JSON.stringify(claims()).replace(/\d{10}/g, 'a time')}`, async () => {
      await using stages = await startStageServer({ ...CLOUD, GOOGLE_API_URL: issuer.url });
      await refusedWithoutTrace(stages, () => push(stages, 'render', removed(claims(), header)), status, got);
    });
  }
});

describe('a stage', () => {
  test('without PUSH_ACCOUNT and PUSH_AUDIENCE refuses every push, and says in the log what to set', async () => {
    await using issuer = await startTokenIssuer();
    for (const settings of [
      {},
      // Like an instance on Cloud Run with leftover emulator variables.
      { K_SERVICE: 'render', PUBSUB_EMULATOR_HOST: '127.0.0.1:1', FIRESTORE_EMULATOR_HOST: '127.0.0.1:2' },
    ]) {
      await using stages = await startStageServer({ ...settings, GOOGLE_API_URL: issuer.url });
      for (const name of STAGES) {
        for (const authorization of [undefined, `Bearer ${issuer.token()}`]) {
          const { status, body } = await push(stages, name, authorization);
          assert.deepEqual([status, JSON.parse(body).code], [403, 'push_forbidden'], name);
          const { event, severity, message } = stages.lines.at(-1) as Record<string, string>;
          assert.deepEqual([event, severity], ['push.not_set_up', 'ERROR']);
          assert.match(message ?? '', new RegExp(`^A push to ${name} .*PUSH_ACCOUNT and PUSH_AUDIENCE`));
        }
      }
      assert.deepEqual([stages.handled, stages.composed, issuer.asked], [[], 0, 0]);
    }
  });

  test('accepts pushes from the Pub/Sub emulator, which have no token', async () => {
    const hosts = { PUBSUB_EMULATOR_HOST: '127.0.0.1:1', FIRESTORE_EMULATOR_HOST: '127.0.0.1:2' };
    await using stages = await startStageServer(hosts);
    assert.equal((await push(stages, 'render', undefined)).status, 204);
    assert.deepEqual(stages.handled, ['render 7']);
  });

  test('requires a token even with the emulator if an account is set', async () => {
    await using stages = await startStageServer({ ...SETTINGS, PUBSUB_EMULATOR_HOST: '127.0.0.1:1' });
    assert.equal((await push(stages, 'render', undefined)).status, 401);
    assert.deepEqual(stages.handled, []);
  });

  test('requests certificates once for many pushes, and never for something that cannot be a token', async () => {
    await using issuer = await startTokenIssuer();
    await using stages = await startStageServer({ ...SETTINGS, GOOGLE_API_URL: issuer.url });
    const removed = `Bearer ${split(issuer).slice(0, 2).join('.')}.SIGNATURE_REMOVED_BY_GOOGLE`;
    for (const made of [undefined, 'Bearer x', removed, `Bearer ${issuer.token({}, { alg: 'none' })}`]) {
      assert.equal((await push(stages, 'render', made)).status, 401);
    }
    assert.equal(issuer.asked, 0);
    const many = Array.from({ length: 10 }, () => push(stages, 'render', `Bearer ${issuer.token()}`));
    assert.deepEqual(new Set((await Promise.all(many)).map(({ status }) => status)), new Set([204]));
    assert.equal((await push(stages, 'render', `Bearer ${issuer.token()}`)).status, 204);
    assert.equal(issuer.asked, 1);
  });

  for (const trouble of ['refuses', 'shows a page'] as const) {
    test(`hands a push back while Google ${trouble}, and accepts it once there are certificates`, async () => {
      await using issuer = await startTokenIssuer();
      await using stages = await startStageServer({ ...SETTINGS, GOOGLE_API_URL: issuer.url });
      const authorization = `Bearer ${issuer.token()}`;
      issuer.trouble = trouble;
      const { status, headers, body } = await push(stages, 'render', authorization);
      assert.deepEqual([status, headers['retry-after']], [503, '30']);
      assert.equal(JSON.parse(body).code, 'unavailable');
      assert.deepEqual([stages.handled, stages.composed], [[], 0]);
      assert.equal(stages.lines.at(-1)?.['severity'], 'ERROR');
      assert.ok(!stages.text.includes(authorization.split('.')[2] as string));
      issuer.trouble = undefined;
      assert.equal((await push(stages, 'render', authorization)).status, 204);
    });
  }

  test('waits for certificates for a limited time', { timeout: 30_000 }, async (t) => {
    const issuer = await startTokenIssuer();
    // Runs on a test timeout as well: closing the server ends hanging requests.
    t.after(() => issuer[Symbol.asyncDispose]());
    issuer.trouble = 'hangs';
    const { read } = createTokenReader({ apiUrl: issuer.url, certificatesMs: 50 });
    await assert.rejects(
      read(issuer.token()),
      (error) => TransientError.is(error) && error.code === 'network',
    );
    issuer.trouble = undefined;
    assert.ok('claims' in (await read(issuer.token())));
  });

  test('requests certificates again when they expire', async () => {
    await using issuer = await startTokenIssuer({ keepSeconds: 0 });
    const { read } = createTokenReader({ apiUrl: issuer.url });
    for (const times of [1, 2]) {
      await read(issuer.token());
      assert.equal(issuer.asked, times);
    }
  });
});
