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

describe('the retry policy', () => {
  test('records a permanent error at the first attempt', () => {
    const error = new PermanentError('no_video', 'conform', 'Expected a picture, got none.');
    assert.deepEqual(failureOf(error, before(1), 'mix', signal), {
      code: 'no_video',
      stage: 'conform',
      message: 'Expected a picture, got none.',
    });
  });

  test('hands a transient error back, however often it occurs', () => {
    const error = new TransientError('network', 'Expected an answer, got none.');
    assert.throws(() => failureOf(error, before(99), 'download', signal), error);
  });

  test('hands an unexpected error back four times and records it the fifth time', () => {
    const error = new TypeError('undefined is not a function');
    assert.throws(() => failureOf(error, before(MAX_ATTEMPTS - 2), 'mix', signal), error);
    const failure = failureOf(error, before(MAX_ATTEMPTS - 1), 'mix', signal);
    assert.equal(failure.code, 'internal_error');
    assert.doesNotMatch(failure.message, /undefined/, 'internal details belong in the log only');
  });

  test('treats an ffmpeg that is killed again and again as a crash loop', () => {
    const error = new TransientError(
      'ffmpeg_killed',
      'Expected ffmpeg to end by itself, got it ended by SIGKILL.',
    );
    assert.throws(() => failureOf(error, before(MAX_ATTEMPTS - 2), 'conform', signal), error);
    assert.equal(failureOf(error, before(MAX_ATTEMPTS - 1), 'conform', signal).code, 'crash_loop');
  });

  test('waits while the disk is full', () => {
    const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    assert.throws(() => failureOf(full, before(99), 'save', signal), { code: 'disk_full' });
  });

  test('records nothing for aborted work', () => {
    const error = new PermanentError('mix_failed', 'mix', 'Expected 30 frames, got 12.');
    assert.throws(() => failureOf(error, before(1), 'mix', AbortSignal.abort()), error);
  });

  test('treats five dead holders as a crash loop, but not four', () => {
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

  test('does not retry permanent or unexpected errors, nor work that only waits for a place', async () => {
    const waiting = new TransientError('waiting', 'all places are taken');
    for (const error of [new PermanentError('no_sound', 'measure', 'no'), new RangeError('bug'), waiting]) {
      const { step, calls } = failing(1, error);
      await assert.rejects(retryTransient(step, { signal }), error);
      assert.equal(calls(), 1);
    }
  });

  test('throws the error when the time is up, even if the other side asks for a longer pause', async () => {
    const error = new TransientError('source_busy', 'later', { retryAfterMs: 3_600_000 });
    const { step, calls } = failing(99, error);
    await assert.rejects(retryTransient(step, { signal }), error);
    assert.equal(calls(), 1);
    const network = failing(99, new TransientError('network', 'no'));
    await assert.rejects(retryTransient(network.step, { signal, forMs: 1200 }), TransientError.is);
    assert.ok(network.calls() > 1);
  });

  test('waits as long as the other side asks, then tries again', async () => {
    const { step, calls } = failing(1, new TransientError('source_busy', 'later', { retryAfterMs: 600 }));
    const started = performance.now();
    assert.equal(await retryTransient(step, { signal, forMs: 1000 }), 'done');
    assert.equal(calls(), 2);
    assert.ok(performance.now() - started >= 600);
  });

  test('does not multiply when one loop is inside another', async () => {
    const { step, calls } = failing(99, new TransientError('network', 'no'));
    let inner = 0;
    const nested = () => {
      inner += 1;
      return retryTransient(step, { signal, forMs: 700 });
    };
    await assert.rejects(retryTransient(nested, { signal, forMs: 60_000 }), TransientError.is);
    assert.equal(inner, 1, 'the inner one has spent the time');
    assert.ok(calls() > 1);
    const asked = new TransientError('source_busy', 'later', { retryAfterMs: 1_000 });
    const busy = failing(99, asked);
    const within = () => retryTransient(busy.step, { signal, forMs: 500 });
    await assert.rejects(retryTransient(within, { signal }), asked);
    assert.equal(busy.calls(), 1);
  });

  test('ends with the signal', async () => {
    const stop = new AbortController();
    const reason = new Error('the host stops');
    const { step } = failing(99, new TransientError('network', 'no'));
    const retrying = retryTransient(step, { signal: stop.signal });
    stop.abort(reason);
    await assert.rejects(retrying, reason);
  });

  test('keeps a result that was finished when the signal fired', async () => {
    const stop = new AbortController();
    const step = async () => {
      stop.abort();
      return 'done';
    };
    assert.equal(await retryTransient(step, { signal: stop.signal }), 'done');
  });
});
