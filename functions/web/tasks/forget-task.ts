import { ServiceError } from '../../client/client.ts';
import { ask } from '../service.ts';
import { forgetStars } from '../watch/stars.ts';

/** Deletes an ended task and its stars. One that is gone already is no mistake: the first answer may have been lost. */
export async function forgetTask(taskId: string): Promise<void> {
  try {
    await ask((client) => client.delete(taskId));
  } catch (error) {
    if (!ServiceError.is(error) || error.status !== 404) throw error;
  }
  forgetStars(taskId);
}
