import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createDiskArtifacts } from '../../../functions/adapters/disk/artifacts.ts';
import { createStorageArtifacts } from '../../../functions/adapters/storage/artifacts.ts';
import { createStorageDownloads } from '../../../functions/adapters/storage/downloads.ts';
import { type Purpose, storageError } from '../../../functions/adapters/storage/errors.ts';
import { createStorageOutputs } from '../../../functions/adapters/storage/outputs.ts';
import { connectStorage, type StorageConnection } from '../../../functions/adapters/storage/storage.ts';
import { CODES, type Code } from '../../../functions/base/codes.ts';
import { PermanentError, TransientError } from '../../../functions/base/errors.ts';
import { workDir } from '../../../functions/pipeline/artifacts.ts';
import { connectedTo } from '../../fixtures/storage/connection.ts';
import {
  type Misbehaviour,
  type Operation,
  type StorageServer,
  startStorageServer,
} from '../../fixtures/storage/server.ts';
import { type TempDir, tempDir } from '../../fixtures/system/temp-dir.ts';

type Verdict = Readonly<Record<Purpose, Code>>;

const LOGIN: Verdict = { outputs: 'output_login', artifacts: 'cache_failed', sources: 'source_forbidden' };
const FORBIDDEN: Verdict = {
  outputs: 'output_forbidden',
  artifacts: 'cache_failed',
  sources: 'source_forbidden',
};
const MISSING: Verdict = {
  outputs: 'output_missing',
  artifacts: 'cache_failed',
  sources: 'source_not_found',
};
const BUSY: Verdict = { outputs: 'output_busy', artifacts: 'platform_unavailable', sources: 'source_busy' };
const NETWORK: Verdict = { outputs: 'network', artifacts: 'platform_unavailable', sources: 'network' };

const FAILURES: readonly [title: string, fault: Misbehaviour, verdict: Verdict][] = [
  ['401 authError', { does: 'status', status: 401, reason: 'authError' }, LOGIN],
  ['403 forbidden', { does: 'status', status: 403, reason: 'forbidden' }, FORBIDDEN],
  [
    '403 insufficientPermissions',
    { does: 'status', status: 403, reason: 'insufficientPermissions' },
    FORBIDDEN,
  ],
  ['403 accountDisabled', { does: 'status', status: 403, reason: 'accountDisabled' }, FORBIDDEN],
  ['403 rateLimitExceeded', { does: 'status', status: 403, reason: 'rateLimitExceeded' }, BUSY],
  ['403 userRateLimitExceeded', { does: 'status', status: 403, reason: 'userRateLimitExceeded' }, BUSY],
  ['404 notFound', { does: 'status', status: 404, reason: 'notFound' }, MISSING],
  ...([408, 409, 425, 429, 500, 502, 503, 504] as const).map((status): (typeof FAILURES)[number] => [
    `${status}`,
    { does: 'status', status },
    BUSY,
  ]),
  ['502 as a web page', { does: 'status', status: 502, body: '<html>Bad Gateway' }, BUSY],
  ['an answer that is lost', { does: 'lose-answer' }, NETWORK],
  ['a connection that is reset', { does: 'cut', afterBytes: 0 }, NETWORK],
  ['no answer', { does: 'hang' }, NETWORK],
];

/** The calls for each purpose: the request that fails, and the size of the file. */
const OPERATIONS: Readonly<Record<string, { purpose: Purpose; operation: Operation; bytes: number }>> = {
  'a small output': { purpose: 'outputs', operation: 'upload', bytes: 100 },
  'a large output, at its start,': { purpose: 'outputs', operation: 'start', bytes: 2_000_000 },
  'a large output, while it is being sent,': { purpose: 'outputs', operation: 'resume', bytes: 2_000_000 },
  'an artifact': { purpose: 'artifacts', operation: 'upload', bytes: 100 },
  'a source, at its lookup,': { purpose: 'sources', operation: 'metadata', bytes: 100 },
  'a source, at its download,': { purpose: 'sources', operation: 'media', bytes: 100 },
};

describe('the translation of Cloud Storage errors', { timeout: 60_000 }, () => {
  let server: StorageServer;
  let dir: TempDir;
  before(async () => {
    server = await startStorageServer();
    server.objects.insert('bucket', 'source.mp4', Buffer.from('source'), {});
    dir = await tempDir();
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });

  /** The error of a call for that purpose. */
  async function outcome(
    purpose: Purpose,
    storage: StorageConnection,
    { bytes = 100, bucket = 'bucket' } = {},
  ): Promise<unknown> {
    const work = join(dir.path, crypto.randomUUID());
    await mkdir(work);
    await writeFile(join(work, 'file.mp4'), Buffer.alloc(bytes, crypto.randomUUID()));
    const call = {
      outputs: () =>
        createStorageOutputs({ storage, bucket }).save(
          { id: `gs://${bucket}/task/`, location: '' },
          `${crypto.randomUUID()}.mp4`,
          join(work, 'file.mp4'),
          new AbortController().signal,
        ),
      artifacts: () =>
        createStorageArtifacts({
          storage,
          bucket,
          local: createDiskArtifacts({ dir: join(dir.path, 'local'), maxBytes: 1e9 }),
          workDir: () => workDir(join(dir.path, 'tmp')),
        }).put(crypto.randomUUID(), work, {}),
      sources: () =>
        createStorageDownloads({ storage, maxBytes: 1000, limits: { idleMs: storage.limits.idleMs } }).get(
          { bucket, object: 'source.mp4' },
          join(work, 'download'),
          { signal: new AbortController().signal },
        ),
    }[purpose];
    return call().then(
      () => assert.fail('it succeeded'),
      (error: unknown) => error,
    );
  }

  function assertCode(error: unknown, code: Code): asserts error is PermanentError | TransientError {
    const { kind } = CODES[code];
    const ours = PermanentError.is(error) || TransientError.is(error);
    assert.ok(
      ours && (kind === 'permanent') === PermanentError.is(error),
      `expected a ${kind} error of ours, got ${error}`,
    );
    assert.equal(error.code, code, error.message);
    assert.match(error.message, /^Expected .+, got .+\.$/);
    assert.match(error.message, /gs:\/\/bucket\//);
    assert.doesNotMatch(error.message, /https?:|upload_id|\n/);
  }

  for (const [what, { purpose, operation, bytes }] of Object.entries(OPERATIONS)) {
    for (const [title, fault, verdict] of FAILURES) {
      // The 404 of a download means that the object was replaced after its lookup.
      if (operation === 'media' && title.startsWith('404')) continue;
      it(`gives ${verdict[purpose]} if ${what} meets ${title}`, async () => {
        server.fault({ operation, ...fault });
        // A short limit only where it is what ends the call: a busy machine may need longer for an answer.
        const limits = fault.does === 'hang' ? { callMs: 100, idleMs: 100 } : {};
        const storage = connectedTo(server, { ...limits, resumption: { firstPauseMs: 1, maxFailures: 1 } });
        assertCode(await outcome(purpose, storage, { bytes }), verdict[purpose]);
      });
    }

    it(`passes on how long a busy server asks to wait, if ${what} meets it`, async () => {
      server.fault({ operation, does: 'status', status: 429, headers: { 'retry-after': '7' } });
      const resumption = { firstPauseMs: 1, maxFailures: 1 };
      const error = await outcome(purpose, connectedTo(server, { resumption }), { bytes });
      assert.ok(TransientError.is(error), String(error));
      assert.equal(error.retryAfterMs, 7000);
    });

    it(`leaves an unexpected error unchanged, if ${what} meets it`, async () => {
      server.fault({ operation, does: 'status', status: 400, reason: 'invalid' });
      const error = await outcome(purpose, connectedTo(server), { bytes });
      assert.ok(error instanceof Error);
      assert.ok(!PermanentError.is(error) && !TransientError.is(error), String(error));
    });
  }

  for (const purpose of ['outputs', 'artifacts', 'sources'] as const) {
    it(`gives ${MISSING[purpose]} for ${purpose} if the bucket does not exist`, async () => {
      const error = await outcome(purpose, connectedTo(server), { bucket: 'bucket-of-nobody' });
      assert.ok(PermanentError.is(error), String(error));
      assert.equal(error.code, MISSING[purpose]);
    });

    it(`gives ${NETWORK[purpose]} for ${purpose} if nothing listens`, async () => {
      const gone = await startStorageServer();
      await gone[Symbol.asyncDispose]();
      assertCode(await outcome(purpose, connectedTo(gone)), NETWORK[purpose]);
    });

    it(`gives ${LOGIN[purpose]} for ${purpose} if there are no credentials`, async () => {
      using _nowhere = environment('GOOGLE_APPLICATION_CREDENTIALS', join(dir.path, 'none.json'));
      const storage = connectStorage({ projectId: 'project', apiUrl: undefined });
      assertCode(await outcome(purpose, storage), LOGIN[purpose]);
    });

    it(`gives ${LOGIN[purpose]} for ${purpose} if the login is no longer accepted`, () => {
      for (const error of [
        Object.assign(new Error('invalid_grant'), { code: '400', status: 400 }),
        Object.assign(new Error('Request failed'), {
          code: '400',
          response: { status: 400, data: { error: 'invalid_grant', error_description: 'revoked' } },
        }),
        new Error('Could not load the default credentials. Browse to https://example.com.'),
        Object.assign(new Error('Could not refresh access token: no service account'), { code: 404 }),
      ]) {
        assertCode(storageError(error, purpose, 'gs://bucket/a'), LOGIN[purpose]);
      }
    });

    it(`does not treat a login that reached no server as refused, for ${purpose}`, () => {
      for (const code of ['ECONNREFUSED', 'ETIMEDOUT', 'ENOTFOUND', 'SELF_SIGNED_CERT_IN_CHAIN']) {
        const error = Object.assign(new Error(`Could not refresh access token: connect ${code}`), { code });
        assert.ok(TransientError.is(storageError(error, purpose, 'gs://bucket/a')), code);
      }
    });

    it(`gives disk_full for ${purpose} if this machine has no room`, () => {
      const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
      assertCode(storageError(full, purpose, 'gs://bucket/a'), 'disk_full');
    });
  }

  it('quotes what the server says about an account only to the owner of the bucket', () => {
    const said = 'render@project.iam.example.com does not have storage.objects.create access.';
    const error = Object.assign(new Error(said), { code: 403, errors: [{ reason: 'forbidden' }] });
    const messageFor = (purpose: Purpose) => String(storageError(error, purpose, 'gs://bucket/a'));
    assert.match(messageFor('outputs'), /render@project.* does not have storage\.objects\.create access\)/);
    assert.match(messageFor('outputs'), /Next step: give the account Storage Object User/);
    assert.match(messageFor('artifacts'), /Next step: let the account view and create objects/);
    assert.doesNotMatch(messageFor('sources'), /render@/);
  });

  it('leaves our own errors and programming errors unchanged', () => {
    const others = [
      new PermanentError('save_failed', 'save', 'ours'),
      new TransientError('network', 'ours'),
      new TypeError('a mistake of ours'),
      Object.assign(new Error('no such file'), { code: 'ENOENT' }),
      Object.assign(new Error('precondition'), { code: 412 }),
      undefined,
      'text',
    ];
    for (const thrown of others) assert.equal(storageError(thrown, 'outputs', 'gs://bucket/a'), thrown);
  });
});

/** Sets an environment variable until disposed. */
function environment(name: string, value: string): Disposable {
  const before = process.env[name];
  process.env[name] = value;
  return {
    [Symbol.dispose]() {
      if (before === undefined) delete process.env[name];
      else process.env[name] = before;
    },
  };
}
