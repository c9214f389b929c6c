/**
 * What the fault harness needs of a set of adapters: with another implementation of this, all scenarios run on other
 * stores.
 */

import type { Log } from '../../functions/base/log.ts';
import type { Environment } from '../../functions/config/config.ts';
import type { Adapters, Instrumentation } from '../../functions/hosts/instrumentation.ts';
import type { OutputFolder } from '../../functions/model/task.ts';

export interface AdapterSet {
  name: string;
  /** Trials at a time. */
  parallel: number;
  /** Does things in the same order each time: a stop point that was seen once is reached again. */
  orderly: boolean;
  /** Settings of the child process whose files are below `dir`. */
  environment(dir: string): Environment;
  /** Starts the product in this process, which has the settings of `environment`. */
  start(log: Log, instrumentation: Instrumentation): Promise<Product>;
  /** The bare ports, for setting up and for judging while no process of the product is there. */
  open(dir: string): Promise<Opened>;
}

export interface Product {
  /** http://host:port, without a slash at the end. */
  url: string;
  pending(): Promise<{ /** Waiting or in flight. */ messages: number /** Not finished. */; tasks: number }>;
  stop(): Promise<void>;
}

export type BarePorts = Pick<Adapters, 'tasks' | 'reports' | 'pins' | 'leases' | 'queue' | 'outputs'>;

export interface Opened extends AsyncDisposable {
  ports: BarePorts;
  /** Whatever should be gone when all is quiet. */
  leftOvers(): Promise<LeftOver[]>;
  /** Every finished or unfinished file in the output, as `fileIn` names it. */
  files(): Promise<string[]>;
  /** Absolute path of an output file that the judge may read. */
  fileIn(folder: OutputFolder, name: string): string;
}

export interface LeftOver {
  kind: 'message' | 'lease' | 'work file' | 'child process';
  what: string;
}
