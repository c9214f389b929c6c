import type { Message } from '../model/messages.ts';
import type {
  ArtifactStore,
  AttemptStore,
  Downloads,
  LeaseStore,
  Memo,
  OutputStore,
  PinStore,
  Queue,
  ReportStore,
  Speech,
  TaskStore,
} from '../ports.ts';

/** One adapter for each port. */
export interface Adapters {
  tasks: TaskStore;
  reports: ReportStore;
  pins: PinStore;
  leases: LeaseStore;
  attempts: AttemptStore;
  queue: Queue;
  memo: Memo;
  artifacts: ArtifactStore;
  outputs: OutputStore;
  downloads: Downloads;
  speech: Speech;
}

/**
 * Where something may be put around what a host does: a trace, or a test's faults. The stages know nothing of it.
 */
export interface Instrumentation {
  /** Around every adapter. */
  adapters<A extends Adapters>(adapters: A): A;
  /** Around every run of a stage, with its message where it has one, and every answer to a request. */
  run<T>(what: string, work: () => Promise<T>, message?: Message): Promise<T>;
  /** Milliseconds since the epoch: since when the time of tasks has been running, if not since the host's start. */
  upSince?: number;
}

export const NO_INSTRUMENTATION: Instrumentation = {
  adapters: (adapters) => adapters,
  run: (_what, work) => work(),
};
