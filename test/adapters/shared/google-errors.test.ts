import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  GRPC,
  grpcCode,
  type Product,
  throughGate,
} from '../../../functions/adapters/shared/google-errors.ts';
import { TransientError } from '../../../functions/base/errors.ts';

/** Every status that is an error: https://grpc.io/docs/guides/status-codes/ */
const STATUSES: readonly { name: string; code: number; transient: boolean }[] = [
  { name: 'CANCELLED', code: 1, transient: false },
  { name: 'UNKNOWN', code: 2, transient: true },
  { name: 'INVALID_ARGUMENT', code: 3, transient: false },
  { name: 'DEADLINE_EXCEEDED', code: 4, transient: true },
  { name: 'NOT_FOUND', code: 5, transient: false },
  { name: 'ALREADY_EXISTS', code: 6, transient: false },
  { name: 'PERMISSION_DENIED', code: 7, transient: false },
  { name: 'RESOURCE_EXHAUSTED', code: 8, transient: true },
  { name: 'FAILED_PRECONDITION', code: 9, transient: false },
  { name: 'ABORTED', code: 10, transient: true },
  { name: 'OUT_OF_RANGE', code: 11, transient: false },
  { name: 'UNIMPLEMENTED', code: 12, transient: false },
  { name: 'INTERNAL', code: 13, transient: true },
  { name: 'UNAVAILABLE', code: 14, transient: true },
  { name: 'DATA_LOSS', code: 15, transient: false },
  { name: 'UNAUTHENTICATED', code: 16, transient: false },
];

/** An error as Google's clients throw it. */
function grpcError(code: unknown): Error {
  return Object.assign(new Error(`${code} of secret-host:443`), { code, details: 'secret', metadata: {} });
}

/** The translated error. */
async function outcome(thrown: unknown, product: Product = 'Firestore'): Promise<unknown> {
  return throughGate(product, () => Promise.reject(thrown)).then(
    () => assert.fail('expected an error, got none'),
    (error: unknown) => error,
  );
}

describe('the translation of Google errors', () => {
  for (const { name, code, transient } of STATUSES) {
    it(`${transient ? 'makes a transient error of' : 'passes on unchanged'} ${name}`, async () => {
      const thrown = grpcError(code);
      const error = await outcome(thrown);
      if (!transient) return assert.equal(error, thrown);
      assert.ok(TransientError.is(error));
      assert.equal(error.code, 'platform_unavailable');
      assert.equal(error.cause, thrown);
      assert.match(error.message, new RegExp(`Firestore.* ${code}\\b`));
      assert.doesNotMatch(error.message, /secret/);
    });
  }

  it('names the product that failed', async () => {
    const error = await outcome(grpcError(14), 'Pub/Sub');
    assert.ok(TransientError.is(error));
    assert.match(error.message, /Pub\/Sub/);
  });

  it('passes on errors without a gRPC status', async () => {
    const others = [
      new Error('a bug of ours'),
      new TransientError('waiting', 'Its sources are not ready'),
      grpcError('14'),
      grpcError('ECONNRESET'),
      { code: 14 },
      14,
      undefined,
    ];
    for (const thrown of others) assert.equal(await outcome(thrown), thrown);
  });

  it('also translates an error that is thrown synchronously', async () => {
    const sync = throughGate('Firestore', () => {
      throw grpcError(14);
    });
    await assert.rejects(sync, TransientError);
  });

  it('returns the result of the call', async () => {
    const result = { any: 'thing' };
    assert.equal(await throughGate('Firestore', async () => result), result);
    assert.equal(await throughGate('Firestore', async () => undefined), undefined);
  });

  it('reads the status number, of errors only', () => {
    const numbers = Object.fromEntries(STATUSES.map(({ name, code }) => [name, code]));
    for (const [name, code] of Object.entries(GRPC)) assert.equal(code, numbers[name], name);
    assert.deepEqual([grpcError(6), new Error('x'), { code: 6 }, null].map(grpcCode), [
      6,
      undefined,
      undefined,
      undefined,
    ]);
  });
});
