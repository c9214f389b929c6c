/** A schema version for Firestore, which has none: after a roll-back, a release must not misread tasks of a newer one. */
import { MOST_ASKED_MS, TransientError } from '../../base/errors.ts';

/**
 * Stored with each task. Raise it with a change by which an earlier release would make wrong videos or fail, such as a new wish
 * in the plan.
 */
export const TASK_VERSION = 1;

/**
 * Throws TransientError, so that the messages of the task are handed back and wait for the newer release.
 * @param version absent in tasks of releases that stored none
 */
export function refuseNewer(taskId: string, version = TASK_VERSION): void {
  if (version <= TASK_VERSION) return;
  throw new TransientError(
    'platform_unavailable',
    `Expected task ${taskId} in version ${TASK_VERSION} or older, got ${version}: a newer release stored it. Next step: deploy ` +
      'that release again (infra/OPERATIONS.md, "Upgrade and roll-back").',
    { retryAfterMs: MOST_ASKED_MS },
  );
}
