/** How much the machine of the service can do at a time, for estimates. */
import { ask } from '../service.ts';
import { createStore } from '../ui/store.ts';

/** In the cloud, clips are made ready by many instances side by side. */
const CLOUD = 20;
/** Of each run of the encoder. */
const OF_ENCODER = 2;

/** Processors; 2 until it is known. */
export const processors = createStore(2);

let looking: Promise<void> | undefined;

/** Asks once. Never fails. */
export function lookAtMachine(): Promise<void> {
  looking ??= ask((client) => client.stats()).then(
    ({ places }) => processors.set(places === null ? CLOUD : places.encoders.limit * OF_ENCODER),
    () => {
      looking = undefined;
    },
  );
  return looking;
}
