import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { StatsView } from '../../functions/model/answers/stats.ts';
import type { TaskEntry } from '../../functions/model/answers/task.ts';
import { TASK_STATUSES } from '../../functions/model/task.ts';
import { isUnderWay, STATUSES, statusTag } from '../../functions/web/task-status.ts';
import { doneText, entryOf, merged } from '../../functions/web/tasks/entries.ts';
import { serviceWords } from '../../functions/web/tasks/service-words.ts';

const entry = (number: number, more: Partial<TaskEntry> = {}): TaskEntry =>
  ({
    task_id: `task-${number}`,
    task_name: `Task ${number}`,
    status: 'completed',
    combinations: 8,
    succeeded: 8,
    failed: 0,
    cancelled: 0,
    pending: 0,
    percent: 100,
    created_at: new Date(Date.UTC(2026, 10, 30, 12, 0, number)).toISOString(),
    completed_at: new Date(Date.UTC(2026, 10, 30, 12, 1, number)).toISOString(),
    links: { self: '', renders: '', manifest: '', cancel: '', retry: '' },
    ...more,
  }) as TaskEntry;

describe('the list of tasks', () => {
  const ids = (entries: readonly TaskEntry[]) => entries.map(({ task_id }) => task_id);

  test('takes in what is new at its top, and keeps what was loaded below', () => {
    const shown = [entry(4), entry(3), entry(2), entry(1)];
    const now = merged(shown, [entry(5), entry(4), entry(3)], true);
    assert.deepEqual(ids(now), ['task-5', 'task-4', 'task-3', 'task-2', 'task-1']);
  });

  test('drops what is gone from the page that was read, and nothing below it', () => {
    assert.deepEqual(ids(merged([entry(4), entry(3), entry(2), entry(1)], [entry(4), entry(2)], true)), [
      'task-4',
      'task-2',
      'task-1',
    ]);
    assert.deepEqual(ids(merged([entry(4), entry(3)], [entry(4)], false)), ['task-4']);
    assert.deepEqual(ids(merged([entry(4), entry(3)], [], false)), []);
  });

  test('keeps each entry that did not change as it is, so that its row is not drawn again', () => {
    const shown = [entry(2, { succeeded: 1 }), entry(1)];
    const now = merged(shown, [entry(2, { succeeded: 2 }), entry(1)], false);
    assert.equal(now[0]?.succeeded, 2);
    assert.equal(now[1], shown[1]);
    assert.equal(merged(now, [entry(2, { succeeded: 2 }), entry(1)], false), now);
  });

  test('takes an entry from the status of a task', () => {
    const status = { ...entry(1), sources: 4, prepared: 4, warnings: [] };
    assert.deepEqual(entryOf(status), entry(1));
  });

  test('has words for every status', () => {
    const words = TASK_STATUSES.map((status) => statusTag(status).text);
    assert.deepEqual(STATUSES, TASK_STATUSES);
    assert.equal(new Set(words).size, TASK_STATUSES.length);
    assert.deepEqual(TASK_STATUSES.filter(isUnderWay), ['queued', 'preparing', 'rendering', 'cancelling']);
    assert.deepEqual(
      (['completed', 'partial', 'failed', 'rendering'] as const).map((status) => statusTag(status).kind),
      ['ok', 'warn', 'bad', 'busy'],
    );
  });

  test('counts what is done', () => {
    assert.equal(doneText(entry(1)), '8 videos');
    assert.equal(doneText(entry(1, { combinations: 1, succeeded: 1 })), '1 video');
    const open = { completed_at: null, status: 'rendering' } as const;
    assert.equal(doneText(entry(1, { ...open, succeeded: 3, pending: 5 })), '3 of 8 videos');
    assert.equal(
      doneText(entry(1, { ...open, succeeded: 3, failed: 1, pending: 4 })),
      '3 of 8 videos, 1 failed',
    );
    assert.equal(
      doneText(entry(1, { succeeded: 1200, failed: 2, cancelled: 3, combinations: 1205 })),
      '1,200 of 1,205 videos, 2 failed, 3 cancelled',
    );
  });
});

describe('what the service does now', () => {
  const backlog = (waiting: number, in_flight: number) => ({
    waiting,
    in_flight,
    quarantined: 0,
    oldest_seconds: null,
  });
  const disk = (free_bytes: number) => ({ free_bytes, total_bytes: 1e12 });
  const stats = (more: Partial<StatsView>) => more as StatsView;
  const tasks = (unfinished: number) => ({
    unfinished,
    queued: 0,
    preparing: 0,
    rendering: 0,
    cancelling: 0,
  });

  test('is told in a line', () => {
    const queue = {
      prepare: backlog(4, 2),
      render: backlog(1200, 8),
      complete: backlog(0, 0),
      webhook: backlog(0, 0),
      dead_letter: backlog(0, 0),
    };
    assert.deepEqual(
      serviceWords(stats({ tasks: tasks(2), queue, disk: { data: disk(1), output: disk(54e9) } })),
      ['2 tasks under way', '6 sources to prepare', '1,208 videos to make', '54 GB free for videos'],
    );
  });

  test('is told without what the cloud does not know, and when there is nothing to do', () => {
    assert.deepEqual(serviceWords(stats({ tasks: tasks(0), queue: null, disk: null })), [
      'Nothing to make now',
    ]);
    assert.deepEqual(
      serviceWords(stats({ tasks: tasks(1), queue: null, disk: { data: null, output: null } })),
      ['1 task under way'],
    );
  });
});
