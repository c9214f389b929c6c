/** What exists before the first process starts, what is requested of it, and how each combination may end. */
import type { Task } from '../../functions/model/task.ts';
import type { BarePorts } from './adapter-set.ts';
import type { Sources } from './sources.ts';

export interface Scenario {
  name: string;
  /** The stages that are killed between their calls. */
  stages: readonly string[];
  /** The same where each start of the product sweeps first. */
  stagesAfterSweep?: readonly string[];
  /** Creates tasks before the first process starts, and returns their ids. */
  setUp?: (ports: BarePorts, sources: Sources) => Promise<string[]>;
  ask?: Ask;
  /** Whether the caller asks every new process until one has answered. */
  asksAgain?: boolean;
  /** The allowed endings of a combination: 'succeeded', 'cancelled' or error codes. */
  endings: (task: Task, index: number) => readonly string[];
  /** The highest number of tasks that may result. */
  tasks?: number;
  /** Returns what else went wrong. */
  check?: (ports: BarePorts, sources: Sources, ids: readonly string[]) => Promise<string[]>;
}

/** Sends a request. Returns the ids of the tasks that were accepted; rejects if the process dies meanwhile. */
export type Ask = (url: string, sources: Sources, ids: readonly string[]) => Promise<string[]>;

/** The only allowed ending of most combinations. */
export const SUCCEEDED: readonly string[] = ['succeeded'];
