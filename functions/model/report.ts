import type { Failure, Stage } from '../base/errors.ts';
import type { TargetReport } from './target-checks.ts';

export interface Report {
  /** 1-based, as in the file name. */
  index: number;
  status: 'succeeded' | 'failed' | 'cancelled';
  /** With the path of its sub-folder. */
  fileName: string;
  url: string | null;
  bytes: number | null;
  /** Of the video. */
  durationSeconds: number | null;
  /** Integrated loudness of the encoded sound by EBU R128; null for silence, for less than 0.4 s and without a video. */
  loudnessLufs: number | null;
  /** True peak of the encoded sound; null for digital silence and without a video. */
  truePeakDbtp: number | null;
  /** From the start of the mix until the file is saved. */
  renderSeconds: number | null;
  /** Of these, without waiting for places. Absent in reports of earlier versions, and of what was not begun. */
  workSeconds?: number;
  stageSeconds: Partial<Record<Stage, number>>;
  attempts: number;
  warnings: string[];
  /** Of a finished video, one per target of the task; absent without targets. */
  targets?: TargetReport[];
  /** What is saved beside a finished video; absent: nothing. */
  files?: SideFile[];
  error: Failure | null;
}

export const SIDE_FILE_KINDS = ['cover', 'srt', 'vtt'] as const;
export type SideFileKind = (typeof SIDE_FILE_KINDS)[number];

/** A file beside a video. */
export interface SideFile {
  kind: SideFileKind;
  /** As that of the video. */
  fileName: string;
  url: string;
  bytes: number;
}
