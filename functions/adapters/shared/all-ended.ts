import { PermanentError } from '../../base/errors.ts';

/**
 * Waits until all calls have ended, so that none of them runs on beside a retry.
 * @throws the first error, a permanent one before others
 */
export async function allEnded(calls: readonly Promise<unknown>[]): Promise<void> {
  const errors = (await Promise.allSettled(calls)).flatMap((result) =>
    result.status === 'rejected' ? [result.reason as unknown] : [],
  );
  if (errors.length > 0) throw errors.find((error) => PermanentError.is(error)) ?? errors[0];
}
