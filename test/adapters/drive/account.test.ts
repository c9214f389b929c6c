import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { connectDrive, type DriveAccount } from '../../../functions/adapters/drive/account.ts';
import { PermanentError, TransientError } from '../../../functions/base/errors.ts';
import type { DriveAuth } from '../../../functions/model/drive-auth.ts';
import { numbers, TIMEOUT_MS } from '../../contracts/harness.ts';
import { OAUTH, ROBOT, USER } from '../../fixtures/drive/server.ts';
import { type DriveStage, defaultCredentials, driveStage, LIMITS } from '../../fixtures/drive/stage.ts';
import { failureOf } from '../../fixtures/network/downloading.ts';
import { startSelfSignedServer } from '../../fixtures/network/self-signed.ts';

async function whoAmI(account: DriveAccount): Promise<string | null | undefined> {
  const { user } = await account.call('tell whose account this is', (drive, parameters) =>
    drive.about.get({ fields: 'user(emailAddress)' }, parameters),
  );
  return user?.emailAddress;
}

async function keyFile({ server, dir }: DriveStage): Promise<string> {
  const path = join(dir.path, 'key.json');
  await server.tokens.writeKeyFile(path);
  return path;
}

describe('an account on Drive', { timeout: TIMEOUT_MS }, () => {
  const MODES: { name: string; account: string; auth: (stage: DriveStage) => Promise<DriveAuth> }[] = [
    { name: 'oauth', account: USER, auth: async () => OAUTH },
    { name: 'adc', account: ROBOT, auth: async () => ({ mode: 'adc' }) },
    {
      name: 'delegation with a key file',
      account: USER,
      auth: async (stage) => ({ mode: 'delegation', subject: USER, keyFile: await keyFile(stage) }),
    },
    {
      name: 'delegation without one',
      account: USER,
      auth: async () => ({ mode: 'delegation', subject: USER, keyFile: undefined }),
    },
  ];

  for (const { name, account: expected, auth } of MODES) {
    it(`acts as the right account with ${name}, and uses one token for many concurrent calls`, async () => {
      await using stage = await driveStage();
      using _found = defaultCredentials(stage);
      const account = stage.account(await auth(stage));
      const seen = await Promise.all(numbers(20).map(() => whoAmI(account)));
      assert.deepEqual(new Set(seen), new Set([expected]));
      await whoAmI(account);
      const tokens = name === 'adc' ? metadataTokens(stage) : stage.server.seen('token').length;
      assert.equal(tokens, 1);
      assert.ok(stage.server.calls.every(({ kind }) => kind !== 'unknown'));
    });

    it(`requests another token with ${name} when Drive no longer accepts the current one`, async () => {
      await using stage = await driveStage();
      using _found = defaultCredentials(stage);
      const account = stage.account(await auth(stage));
      await whoAmI(account);
      stage.server.tokens.revoke();
      assert.equal(await whoAmI(account), expected);
    });

    it(`requests another token with ${name} shortly before the current one expires`, async () => {
      await using stage = await driveStage();
      using _found = defaultCredentials(stage);
      // Less than the five minutes before expiry at which the client requests another token.
      stage.server.tokens.tokenSeconds = 200;
      const account = stage.account(await auth(stage));
      for (const _ of numbers(2)) await whoAmI(account);
      const tokens = name === 'adc' ? metadataTokens(stage) : stage.server.seen('token').length;
      assert.ok(tokens >= 2);
      assert.ok(stage.server.seen('about').every(({ status }) => status === 200));
    });
  }

  function metadataTokens({ server }: DriveStage): number {
    return server.seen('metadata').filter(({ path }) => path.endsWith('/token')).length;
  }

  it('sends nothing before the first call', async () => {
    await using stage = await driveStage();
    stage.account();
    assert.equal(stage.server.calls.length, 0);
  });

  const LOGINS: {
    it: string;
    auth: (stage: DriveStage) => Promise<DriveAuth>;
    set?: (stage: DriveStage) => void;
    says: RegExp;
  }[] = [
    {
      it: 'a refresh token that was revoked',
      auth: async () => ({ ...OAUTH, refreshToken: 'an old secret one' }),
      says: /invalid_grant \(DRIVE_AUTH=oauth\)\. Next step: .*"Testing" expire after 7 days/,
    },
    {
      it: 'a client secret that is wrong',
      auth: async () => ({ ...OAUTH, clientSecret: 'a wrong secret' }),
      says: /invalid_client.*Next step: check the client id and secret/,
    },
    {
      it: 'a client that may not use the refresh token',
      auth: async () => OAUTH,
      set: ({ server }) =>
        server.faults.add('token', { does: 'refuse', status: 401, reason: 'unauthorized_client' }),
      says: /unauthorized_client.*Next step: make the refresh token with this client id/,
    },
    {
      it: 'a service account that may not act for the user',
      auth: async (stage) => ({
        mode: 'delegation',
        subject: 'x@example.com',
        keyFile: await keyFile(stage),
      }),
      says: /unauthorized_client.*Next step: .*domain-wide delegation/,
    },
    {
      it: 'the same without a key file',
      auth: async () => ({ mode: 'delegation', subject: 'x@example.com', keyFile: undefined }),
      says: /unauthorized_client.*Next step: .*domain-wide delegation/,
    },
    {
      it: 'a service account that may not sign',
      auth: async () => ({ mode: 'delegation', subject: USER, keyFile: undefined }),
      set: ({ server }) =>
        server.faults.add('signJwt', { does: 'refuse', status: 403, reason: 'IAM_PERMISSION_DENIED' }),
      says: /403 IAM_PERMISSION_DENIED.*Next step: .*Service Account Token Creator/,
    },
    {
      it: 'a key file that does not exist',
      auth: async ({ dir }) => ({ mode: 'delegation', subject: USER, keyFile: join(dir.path, 'none.json') }),
      says: /no usable credentials.*Next step: check the key file/,
    },
    {
      it: 'a key file of another kind',
      async auth({ dir }) {
        await writeFile(join(dir.path, 'x.json'), '{"installed":{}}');
        return { mode: 'delegation', subject: USER, keyFile: join(dir.path, 'x.json') };
      },
      says: /client_email and private_key.*Next step: check the key file/,
    },
    {
      it: 'a machine without default credentials',
      auth: async () => ({ mode: 'adc' }),
      set: () => {
        process.env['METADATA_SERVER_DETECTION'] = 'none';
      },
      says: /no usable credentials.*Next step: .*GOOGLE_APPLICATION_CREDENTIALS/,
    },
    {
      it: 'a token that Drive does not accept, twice',
      auth: async () => OAUTH,
      set: ({ server }) =>
        server.faults.add('about', { does: 'refuse', status: 401, reason: 'authError' }, { times: 2 }),
      says: /401 authError \(DRIVE_AUTH=oauth\)\. Next step: /,
    },
  ];

  for (const { it: what, auth, set, says } of LOGINS) {
    it(`gives output_login for ${what}`, async () => {
      await using stage = await driveStage();
      using _found = defaultCredentials(stage);
      const login = await auth(stage);
      set?.(stage);
      const failure = await failureOf(whoAmI(stage.account(login)), 'output_login', says);
      assert.ok(PermanentError.is(failure));
      assert.doesNotMatch(
        failure.message,
        /a wrong secret|an old secret|client-secret|refresh-token|ya29|every-cut-test/,
      );
    });
  }

  it('uses credentials that were fixed while it runs', async () => {
    await using stage = await driveStage();
    using _found = defaultCredentials(stage);
    const path = join(stage.dir.path, 'key.json');
    const account = stage.account({ mode: 'delegation', subject: USER, keyFile: path });
    await failureOf(whoAmI(account), 'output_login');
    await stage.server.tokens.writeKeyFile(path);
    assert.equal(await whoAmI(account), USER);
  });

  it('treats an unreachable network or a self-signed certificate as transient, even while logging in', async () => {
    await using stage = await driveStage();
    await using proxy = await startSelfSignedServer();
    const auths: DriveAuth[] = [OAUTH, { mode: 'delegation', subject: USER, keyFile: await keyFile(stage) }];
    for (const auth of auths) {
      for (const apiUrl of ['http://every-cut.invalid', proxy.url]) {
        await using account = connectDrive({ auth, apiUrl, limits: LIMITS });
        const failure = await failureOf(whoAmI(account), 'network', /Next step: check that this machine/);
        assert.ok(TransientError.is(failure));
      }
    }
  });

  it('treats a busy token endpoint as transient, and asks it again at the next call', async () => {
    await using stage = await driveStage();
    using _found = defaultCredentials(stage);
    const auth: DriveAuth = { mode: 'delegation', subject: USER, keyFile: await keyFile(stage) };
    stage.server.faults.add('token', { does: 'refuse', status: 503 }, { times: 3 });
    const account = stage.account(auth);
    for (const _ of numbers(3)) {
      assert.ok(TransientError.is(await failureOf(whoAmI(account), 'output_busy')));
    }
    assert.equal(await whoAmI(account), USER);
    assert.equal(stage.server.seen('token').length, 4);
  });

  it('tries a call once, and passes on how long Drive asks to wait', async () => {
    await using stage = await driveStage();
    const account = stage.account();
    for (const [retryAfter, ms] of [
      ['30', 30_000],
      ['0', 0],
    ] as const) {
      stage.server.faults.add('about', { does: 'refuse', status: 429, retryAfter });
      const failure = await failureOf(whoAmI(account), 'output_limited');
      assert.ok(TransientError.is(failure) && failure.retryAfterMs === ms);
    }
    assert.equal(stage.server.seen('about').length, 2);
    assert.equal(await whoAmI(account), USER);
  });
});
