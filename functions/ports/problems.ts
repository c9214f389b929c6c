/** Problems: what holds up a task, for its status. */
import type { Problem, Work } from '../model/problem.ts';

/** At most one record per piece of work. They may be lost, and forgotten when the task has ended: nothing depends on them. */
export interface ProblemStore {
  /** In place of the earlier record of the same work, whose `since` stands if it is earlier. */
  note(taskId: string, problem: Problem): Promise<void>;
  /** The work goes on. */
  clear(taskId: string, work: Work): Promise<void>;
  /** status: the latest ones, latest first. Those of work that another process has done may still be there. */
  latest(taskId: string, limit: number): Promise<Problem[]>;
}
