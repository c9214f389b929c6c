/** The tasks, with the claims that keep a repeated request from making a second one. */

import type { Claim, ClaimHolder, OutputFolder, Progress, Task } from '../model/task.ts';
import type { TaskPage, WantedTasks } from '../model/task-summary.ts';

export interface TaskStore {
  /**
   * process-media, retry: stores the task, unpublished, together with its claim. Returns false, and stores nothing, if
   * another task has the claim (see claimed), or if the id of a task with the same output folder starts with the same
   * six digits: their file names would clash, so try another id.
   * @param takesNames for names without the id: also returns false if namesTaken, which is true from then on
   */
  create(task: Task, claim?: Claim, takesNames?: boolean): Promise<boolean>;
  /**
   * process-media: whether a task with the same output folder has file names without an id. Names stay taken when that task
   * is removed, as its files stay.
   */
  namesTaken(folder: OutputFolder): Promise<boolean>;
  /** process-media, retry: the task that has the claim; undefined if none has, or if claim or task are gone. */
  claimed(key: string): Promise<ClaimHolder | undefined>;
  /** Undefined for an unknown id, and for a task whose seal does not fit: its messages have no effect. */
  get(taskId: string): Promise<Task | undefined>;
  /** process-media and sweep, after the last message is published. Repeating it changes nothing. */
  markPublished(taskId: string): Promise<void>;
  /** cancel: no more work starts, and running work stops. Repeating it changes nothing. */
  cancel(taskId: string): Promise<void>;
  /** prepare, render: called several times a second during work. May see another process's cancel seconds late. */
  isCancelled(taskId: string): Promise<boolean>;
  /** status, sweep. */
  progress(taskId: string): Promise<Progress | undefined>;
  /** sweep: ids of the tasks that are not finished, oldest first, at most `limit`, created after `afterId`. */
  unfinished(limit: number, afterId?: string): Promise<string[]>;
  /**
   * complete, as its last step. The time of the first call stands, and is returned, in milliseconds since the epoch.
   * @param at what the manifest says; by default, now by the store's clock
   */
  finish(taskId: string, at?: number): Promise<number>;
  /** stats: how many of them list shows as not ended. */
  countOpen(): Promise<number>;
  /** list: newest first, for display alone, because no seals are checked. Costs the same wherever the page is. */
  list(wanted: WantedTasks): Promise<TaskPage>;
  /**
   * delete: forgets an ended task, its claims and all its records, so that messages about it have no effect. Its files
   * stay. Repeating it changes nothing. What is left if the process dies is removed later.
   */
  remove(taskId: string): Promise<void>;
}
