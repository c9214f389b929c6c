import { SoundExceeded } from '../media/own-sound.ts';

/** Makes a clip of these parts, and makes it silent if its sound takes too long or too much memory. */
export function orSilent<T>(
  taskId: string,
  parts: readonly string[],
  make: (parts: readonly string[], silent: { exceeded?: SoundExceeded }) => Promise<T>,
): Promise<T> {
  return make(parts, {}).catch((error: unknown) => {
    if (!SoundExceeded.is(error)) throw error;
    // For this task alone: another one tries again, perhaps on a larger machine.
    return make([...parts, 'silent', taskId], { exceeded: error });
  });
}
