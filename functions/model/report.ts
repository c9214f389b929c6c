import type { Failure, Stage } from '../base/errors.ts';

export interface Report {
  /** 1-based, as in the file name. */
  index: number;
  status: 'succeeded' | 'failed' | 'cancelled';
  fileName: string;
  url: string | null;
  bytes: number | null;
  /** Length of the video. */
  durationSeconds: number | null;
  /**
   * Integrated loudness of its sound by EBU R128, before it is encoded; null for silence, or less than 0.4 s of it. Absent
   * in reports of older builds, as below.
   */
  loudnessLufs?: number | null;
  /** Highest peak between the samples, before it is encoded; where clips keep their own sound, after. */
  truePeakDbtp?: number | null;
  /** From the start of the mix to the file being saved. */
  renderSeconds: number | null;
  stageSeconds: Partial<Record<Stage, number>>;
  attempts: number;
  warnings: string[];
  error: Failure | null;
}
