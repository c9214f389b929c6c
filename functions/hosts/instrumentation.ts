/** Hooks around adapters and stages, for the faults that tests inject. */
import type { Message } from '../model/messages.ts';
import type { ArtifactStore } from '../ports/artifacts.ts';
import type { AttemptStore } from '../ports/attempts.ts';
import type { Downloads } from '../ports/downloads.ts';
import type { LeaseStore } from '../ports/leases.ts';
import type { Memo } from '../ports/memo.ts';
import type { OutputStore } from '../ports/outputs.ts';
import type { PinStore } from '../ports/pins.ts';
import type { ProblemStore } from '../ports/problems.ts';
import type { Queue } from '../ports/queue.ts';
import type { ReportStore } from '../ports/reports.ts';
import type { Speech } from '../ports/speech.ts';
import type { TaskStore } from '../ports/tasks.ts';
import type { UploadStore } from '../ports/uploads.ts';
import type { UsageStore } from '../ports/usage.ts';
import type { VoiceCatalog } from '../ports/voices.ts';
import type { WebhookSender, WebhookStore } from '../ports/webhooks.ts';

/** One adapter for each port. */
export interface Adapters {
  tasks: TaskStore;
  reports: ReportStore;
  pins: PinStore;
  problems: ProblemStore;
  webhooks: WebhookStore;
  usage: UsageStore;
  leases: LeaseStore;
  attempts: AttemptStore;
  queue: Queue;
  memo: Memo;
  artifacts: ArtifactStore;
  outputs: OutputStore;
  uploads: UploadStore;
  downloads: Downloads;
  speech: Speech;
  voices: VoiceCatalog;
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
