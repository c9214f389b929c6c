/** Saves no faster than the output's vendor accepts. */
import { TransientError } from '../base/errors.ts';
import { waitForPlace } from '../base/telemetry/spans.ts';
import type { SharedPace } from '../coordination/shared-pace.ts';
import type { OutputStore } from '../ports/outputs.ts';

export function pacedOutputs(outputs: OutputStore, pace: SharedPace): OutputStore {
  return {
    ...outputs,
    async save(folder, fileName, file, signal, owner) {
      await waitForPlace('output_pace', () => pace.turn(signal));
      try {
        return await outputs.save(folder, fileName, file, signal, owner);
      } catch (error) {
        if (TransientError.is(error) && error.code === 'output_limited') {
          // If that cannot be noted, the next refusal is. This one is what the caller must know.
          await pace.refused().catch(() => {});
        }
        throw error;
      }
    },
  };
}
