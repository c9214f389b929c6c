/** The reports of the combinations, and the claim to complete their task. */
import type { Report } from '../model/report.ts';

export interface ReportStore {
  /**
   * render, dead-letter, sweep. Returns false if the combination has reported before; the first report stands. One whose
   * seal does not fit is replaced.
   */
  report(taskId: string, report: Report): Promise<boolean>;
  /**
   * cancel: stores cancelled reports in a few writes. Leaves out combinations that have reported, and those whose lease,
   * under the key at the same position, is held or has lapsed, because someone may be making the video. Whoever takes the
   * lease later finds the report. Returns the indexes of the reports that counted.
   */
  reportIdle(taskId: string, reports: readonly Report[], leaseKeys: readonly string[]): Promise<number[]>;
  /** Reports of the combinations from..to (inclusive), in order, without missing ones and those with a wrong seal. */
  list(taskId: string, from: number, to: number): Promise<Report[]>;
  /**
   * Called after every report, even a repeated one. `index` is the combination that has just reported; without it, as
   * in the sweep, all are checked. 'open': some have not reported. 'claimed': all have, and `complete` may not be
   * published yet: publish it, then mark it. 'published': nothing is left to do.
   */
  claimCompletion(taskId: string, index?: number): Promise<'open' | 'claimed' | 'published'>;
  markCompletionPublished(taskId: string): Promise<void>;
}
