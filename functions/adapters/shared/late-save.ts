import { TransientError } from '../../base/errors.ts';
import type { FileOwner } from '../../ports/outputs.ts';

/** The last check before a file gets its name. Throws TransientError 'waiting': the next delivery finds the report. */
export async function refuseLate(owner: FileOwner | undefined, fileName: string): Promise<void> {
  if (owner === undefined || (await owner.isCurrent())) return;
  throw new TransientError(
    'waiting',
    `Expected ${fileName} to be wanted still, got a report of its combination. It is not saved.`,
  );
}
