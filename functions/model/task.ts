import type { Plan } from './plan.ts';
import type { TargetTally } from './target-tally.ts';

/** Written once, when the request is accepted, and never changed; reports, pins and progress hold what changes. */
export interface Task {
  /** UUIDv4. */
  id: string;
  name: string;
  /** ISO 8601. */
  createdAt: string;
  plan: Plan;
  folder: OutputFolder;
  metadata: unknown;
  warnings: string[];
  /** Id of the task whose failed combinations this one repeats. */
  retryOf: string | null;
  /** The id whose first digits are in the names of its videos: its own or, for a retry, that of the first task. */
  fileId: string;
  /** The trace that its request began or belongs to, as W3C writes it. Absent if there is none. */
  traceparent?: string;
  /** Where its event goes; null: nowhere. Absent in tasks of earlier versions. */
  callback?: Callback | null;
}

export interface Callback {
  /** As the caller wrote it. It may contain a secret. */
  url: string;
  /** Where the caller reaches this service, for the links of the event; without a trailing slash. */
  baseUrl: string;
}

export interface OutputFolder {
  /** The adapter's own id: a path or a Drive id. */
  id: string;
  /** Where people find it: a path or a web address. */
  location: string;
  /** The adapter's own ids of its sub-folders, by their paths in it, such as "de/9x16"; absent: there are none. */
  folders?: Readonly<Record<string, string>>;
}

/** A right that only one task may have: to an Idempotency-Key, or to be the retry of another task. */
export interface Claim {
  key: string;
  /** Of the request. Reusing the key with another request is the caller's mistake. */
  fingerprint: string;
  /** After this another task may claim it; null: never. */
  ttlMs: number | null;
}

export interface ClaimHolder {
  taskId: string;
  fingerprint: string;
}

/** How a task ended: all succeeded; some, the others failed; none; or some were cancelled. */
export const ENDED_STATUSES = ['completed', 'partial', 'failed', 'cancelled'] as const;
export type EndedStatus = (typeof ENDED_STATUSES)[number];
/** `cancelling`: a cancel was requested, and the task has not ended. */
export const TASK_STATUSES = ['queued', 'preparing', 'rendering', 'cancelling', ...ENDED_STATUSES] as const;
export type TaskStatus = (typeof TASK_STATUSES)[number];

export function endedStatus({ succeeded, failed, cancelled }: Counts): EndedStatus {
  if (cancelled > 0) return 'cancelled';
  if (failed === 0) return 'completed';
  return succeeded > 0 ? 'partial' : 'failed';
}

/** Combinations by how they ended. */
export interface Counts {
  succeeded: number;
  failed: number;
  cancelled: number;
}

export interface Progress extends Counts {
  /** All messages of the task are published. */
  published: boolean;
  cancelRequested: boolean;
  /**
   * When the latest videos succeeded, in order: at least PACED_SUCCESSES of them, if there are as many. Milliseconds since
   * the epoch, by the clock of the store or of the reporting machine.
   */
  succeededAt: readonly number[];
  /** Finished videos by how they did for each target. */
  targets: TargetTally;
  /** Milliseconds since the epoch; set after the manifest and the log line are written. */
  finishedAt: number | null;
}
