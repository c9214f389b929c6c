/** Logs when videos cannot be saved because of the disk, and when they can again: once each, however many wait. */
import { isShortage } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { createOutage, type Outage } from '../base/outage.ts';
import type { OutputStore } from '../ports/outputs.ts';

export function createOutputOutage(log: Log): Outage {
  return createOutage({
    began: (error) =>
      log.error(`Videos cannot be saved, so they wait until they can. ${(error as Error).message}`, {
        event: 'output.failing',
        error,
      }),
    over: (seconds) =>
      log.notice(`Videos are saved again, after ${seconds.toFixed(0)} s`, {
        event: 'output.working',
        seconds,
      }),
  });
}

export function watchOutputs(outputs: OutputStore, outage: Outage): OutputStore {
  return {
    ...outputs,
    async createFolder(...args) {
      const folder = await outputs.createFolder(...args);
      outage.worked();
      return folder;
    },
    async save(...args) {
      try {
        const saved = await outputs.save(...args);
        outage.worked();
        return saved;
      } catch (error) {
        if (isShortage(error)) outage.failed(error);
        throw error;
      }
    },
  };
}
