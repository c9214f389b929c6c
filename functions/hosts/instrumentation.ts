/** Hooks around adapters and stages, for traces and for the faults that tests inject. */
import type { Message } from '../model/messages.ts';
import type {
  ArtifactStore,
  AttemptStore,
  Downloads,
  LeaseStore,
  Memo,
  OutputStore,
  PinStore,
  ProblemStore,
  Queue,
  ReportStore,
  Speech,
  TaskStore,
  UploadStore,
  WebhookSender,
  WebhookStore,
} from '../ports.ts';

/** One adapter for each port. */
export interface Adapters {
  tasks: TaskStore;
  reports: ReportStore;
  pins: PinStore;
  problems: ProblemStore;
  webhooks: WebhookStore;
  leases: LeaseStore;
  attempts: AttemptStore;
  queue: Queue;
  memo: Memo;
  artifacts: ArtifactStore;
  outputs: OutputStore;
  uploads: UploadStore;
  downloads: Downloads;
  speech: Speech;
  sender: WebhookSender;
}

/** The stages do not know about it. */
export interface Instrumentation {
  /** Wraps the adapters. */
  adapters<A extends Adapters>(adapters: A): A;
  /** Wraps every run of a stage, with its message if it has one, and every answer to a request. */
  run<T>(what: string, work: () => Promise<T>, message?: Message): Promise<T>;
}

export const NO_INSTRUMENTATION: Instrumentation = {
  adapters: (adapters) => adapters,
  run: (_what, work) => work(),
};
