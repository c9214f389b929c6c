import type { Failure, Stage } from '../base/errors.ts';
import type { TargetReport } from './target-checks.ts';

export interface Report {
  /** 1-based, as in the file name. */
  index: number;
  status: 'succeeded' | 'failed' | 'cancelled';
  fileName: string;
  url: string | null;
  bytes: number | null;
  /** Of the video. */
  durationSeconds: number | null;
  /** Integrated loudness by EBU R128, before encoding; null for silence, for less than 0.4 s and without a video. */
  loudnessLufs: number | null;
  /** True peak before encoding or, if clips keep their own sound, after it; null as above. */
  truePeakDbtp: number | null;
  /** From the start of the mix until the file is saved. */
  renderSeconds: number | null;
  stageSeconds: Partial<Record<Stage, number>>;
  attempts: number;
  warnings: string[];
  /** Of a finished video, one per target of the task; absent without targets. */
  targets?: TargetReport[];
  error: Failure | null;
}
