import { SoundExceeded } from '../media/own-sound.ts';

/**
 * Makes a clip, and makes it silent if its sound takes too long or too much memory. `more`: what its identity has then in
 * addition.
 */
export function orSilent<T>(
  taskId: string,
  make: (more: readonly string[], silent: { exceeded?: SoundExceeded }) => Promise<T>,
): Promise<T> {
  return make([], {}).catch((error: unknown) => {
    if (!SoundExceeded.is(error)) throw error;
    // For this task alone: another one tries again, perhaps on a larger machine.
    return make(['silent', taskId], { exceeded: error });
  });
}
