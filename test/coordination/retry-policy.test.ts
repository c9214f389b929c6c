import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PermanentError, TransientError } from '../../functions/base/errors.ts';
import {
  failureOf,
  MAX_ATTEMPTS,
  refuseCrashLoop,
  retryTransient,
} from '../../functions/coordination/retry-policy.ts';

const { signal } = new AbortController();
const before = (failures: number, crashes = 0) => ({ failures, crashes });

describe('what becomes of an error', () => {
  test('a permanent one is recorded at the first try', () => {
    const error = new PermanentError('no_video', 'conform', 'Expected a picture, got none.');
    assert.deepEqual(failureOf(error, before(1), 'mix', signal), {
      code: 'no_video',
      stage: 'conform',
      message: 'Expected a picture, got none.',
    });
  });

  test('a transient one is handed back, however often', () => {
    const error = new TransientError('network', 'Expected an answer, got none.');
    assert.throws(() => failureOf(error, before(99), 'download', signal), error);
  });

  test('an unexpected one is handed back four times and recorded the fifth', () => {
    const error = new TypeError('undefined is not a function');
    assert.throws(() => failureOf(error, before(MAX_ATTEMPTS - 2), 'mix', signal), error);
    const failure = failureOf(error, before(MAX_ATTEMPTS - 1), 'mix', signal);
    assert.equal(failure.code, 'internal_error');
    assert.doesNotMatch(failure.message, /undefined/, 'the inside is for the log');
  });

  test('an ffmpeg that is killed again and again ends as a crash loop', () => {
    const error = new TransientError(
      'ffmpeg_killed',
      'Expected ffmpeg to end by itself, got it ended by SIGKILL.',
    );
    assert.throws(() => failureOf(error, before(MAX_ATTEMPTS - 2), 'conform', signal), error);
    assert.equal(failureOf(error, before(MAX_ATTEMPTS - 1), 'conform', signal).code, 'crash_loop');
  });

  test('a full disk is waited for', () => {
    const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    assert.throws(() => failureOf(full, before(99), 'save', signal), { code: 'disk_full' });
  });

  test('of work that was broken off nothing is recorded', () => {
    const error = new PermanentError('mix_failed', 'mix', 'Expected 30 frames, got 12.');
    assert.throws(() => failureOf(error, before(1), 'mix', AbortSignal.abort()), error);
  });

  test('five dead holders are a crash loop, four are not', () => {
    refuseCrashLoop(before(9, MAX_ATTEMPTS - 1), 'mix');
    assert.throws(() => refuseCrashLoop(before(9, MAX_ATTEMPTS), 'mix'), {
      code: 'crash_loop',
      stage: 'mix',
    });
  });
});

describe('retrying within a step', () => {
  const failing = (times: number, error: Error) => {
    let calls = 0;
    return { step: async () => (++calls > times ? 'done' : Promise.reject(error)), calls: () => calls };
  };

  test('goes on until it succeeds', async () => {
    const { step, calls } = failing(2, new TransientError('network', 'no'));
    assert.equal(await retryTransient(step, { signal }), 'done');
    assert.equal(calls(), 3);
  });

  test('does not repeat what is permanent or unexpected', async () => {
    for (const error of [new PermanentError('no_sound', 'measure', 'no'), new RangeError('bug')]) {
      const { step, calls } = failing(1, error);
      await assert.rejects(retryTransient(step, { signal }), error);
      assert.equal(calls(), 1);
    }
  });

  test('gives the error back when the time is up, also where the other side asks for longer', async () => {
    const error = new TransientError('source_busy', 'later', { retryAfterMs: 3_600_000 });
    const { step, calls } = failing(99, error);
    await assert.rejects(retryTransient(step, { signal }), error);
    assert.equal(calls(), 1);
    const network = failing(99, new TransientError('network', 'no'));
    await assert.rejects(retryTransient(network.step, { signal, forMs: 1200 }), TransientError.is);
    assert.ok(network.calls() > 1);
  });

  test('waits as long as the other side asks, and then tries again', async () => {
    const { step, calls } = failing(1, new TransientError('source_busy', 'later', { retryAfterMs: 600 }));
    const started = performance.now();
    assert.equal(await retryTransient(step, { signal, forMs: 1000 }), 'done');
    assert.equal(calls(), 2);
    assert.ok(performance.now() - started >= 600);
  });

  test('ends with the signal', async () => {
    const stop = new AbortController();
    const reason = new Error('the host stops');
    const { step } = failing(99, new TransientError('network', 'no'));
    const retrying = retryTransient(step, { signal: stop.signal });
    stop.abort(reason);
    await assert.rejects(retrying, reason);
  });

  test('counts what was done when the signal fired', async () => {
    const stop = new AbortController();
    const step = async () => {
      stop.abort();
      return 'done';
    };
    assert.equal(await retryTransient(step, { signal: stop.signal }), 'done');
  });
});
