/** What people read for the status of a task, and how it looks. */
import type { TaskStatus } from '../model/task.ts';

export interface StatusTag {
  text: string;
  /** Class of the tag. */
  kind: 'ok' | 'warn' | 'bad' | 'busy' | '';
}

/** In the order in which a task has them. */
const TAGS: Readonly<Record<TaskStatus, StatusTag>> = {
  queued: { text: 'Waiting to start', kind: 'busy' },
  preparing: { text: 'Preparing', kind: 'busy' },
  rendering: { text: 'Making videos', kind: 'busy' },
  cancelling: { text: 'Cancelling', kind: 'busy' },
  completed: { text: 'Done', kind: 'ok' },
  partial: { text: 'Done, some failed', kind: 'warn' },
  failed: { text: 'Failed', kind: 'bad' },
  cancelled: { text: 'Cancelled', kind: '' },
};

export const STATUSES = Object.keys(TAGS) as readonly TaskStatus[];

export function statusTag(status: TaskStatus): StatusTag {
  return TAGS[status];
}

/** Whether it has not ended. */
export function isUnderWay(status: TaskStatus): boolean {
  return TAGS[status].kind === 'busy';
}
