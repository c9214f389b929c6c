import type { Plan } from './plan.ts';

/** Written once by process-media and never changed; what moves is in reports, pins and progress. */
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
  /** Id of the task that this one repeats the failures of. */
  retryOf: string | null;
  /** The id whose first digits the names of its videos carry: its own, or, of a retry, that of the first task. */
  fileId: string;
}

export interface OutputFolder {
  /** The adapter's own id: a path, a Drive id. */
  id: string;
  /** For people: where to look, a path or a web address. */
  location: string;
}

/** What one task alone may have: a caller's Idempotency-Key, or being the retry of another task. */
export interface Claim {
  key: string;
  /** Of the request; the same key with another one is a mistake of the caller's. */
  fingerprint: string;
  /** After this it may be claimed anew; null: never. */
  ttlMs: number | null;
}

export interface ClaimHolder {
  taskId: string;
  fingerprint: string;
}

export interface Progress {
  /** All messages of the task are out. */
  published: boolean;
  succeeded: number;
  failed: number;
  cancelled: number;
  /** Milliseconds since the epoch, by the clock of the store or of who reported. */
  firstReportAt: number | null;
  /** Milliseconds since the epoch; set when manifest and log line are out. */
  finishedAt: number | null;
}
