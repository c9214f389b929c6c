/** What the fault harness needs from a set of adapters. All scenarios run on any set that implements this. */

import type { Log } from '../../functions/base/log.ts';
import type { Environment } from '../../functions/config/config.ts';
import type { Adapters, Instrumentation } from '../../functions/hosts/instrumentation.ts';
import type { OutputFolder } from '../../functions/model/task.ts';

export interface AdapterSet {
  name: string;
  /** Number of concurrent trials. */
  parallel: number;
  /** Whether its calls always come in the same order, so that every recorded stop point is reached again. */
  orderly: boolean;
  /** Whether each start of the product sweeps before anything else. */
  sweepsFirst: boolean;
  /** Settings for a child process that keeps its files below `dir`. */
  environment(dir: string): Environment;
  /** Starts the product in this process, which was started with the settings of `environment`. */
  start(log: Log, instrumentation: Instrumentation): Promise<Product>;
  /** Opens the ports without instrumentation, to set up and to judge while no process of the product runs. */
  open(dir: string): Promise<Opened>;
}

export interface Product {
  /** http://host:port, without a slash at the end. */
  url: string;
  pending(): Promise<{ /** Waiting or in flight. */ messages: number /** Not finished. */; tasks: number }>;
  stop(): Promise<void>;
}

export type BarePorts = Pick<
  Adapters,
  'tasks' | 'reports' | 'pins' | 'leases' | 'queue' | 'outputs' | 'memo'
>;

export interface Opened extends AsyncDisposable {
  ports: BarePorts;
  /** Everything that should be gone once the product is quiet. */
  leftOvers(): Promise<LeftOver[]>;
  /** The paths of all finished and unfinished output files, as `fileIn` returns them. */
  files(): Promise<string[]>;
  /** Absolute path of an output file that the judge may read. */
  fileIn(folder: OutputFolder, name: string): string;
}

export interface LeftOver {
  kind: 'message' | 'lease' | 'work file' | 'child process';
  what: string;
}
