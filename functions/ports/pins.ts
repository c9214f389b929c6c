/** Pins: results that are determined once per task, for all its renders. */
import type { PinName, PinOf } from '../model/pins.ts';

export interface PinStore {
  /** In the order of the names; undefined for a missing pin. */
  read<N extends PinName>(taskId: string, names: readonly N[]): Promise<(PinOf<N> | undefined)[]>;
  /** status: how many pins there are, and how many sources are ready for renders. */
  count(taskId: string): Promise<{ all: number; ready: number }>;
  /** Only the first write of a pin counts. Returns that pin. */
  write<N extends PinName>(taskId: string, name: N, pin: PinOf<N>): Promise<PinOf<N>>;
}
