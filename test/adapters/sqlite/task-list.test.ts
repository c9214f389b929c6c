import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { MIGRATIONS } from '../../../functions/adapters/sqlite/migrations.ts';
import { createSqlitePins } from '../../../functions/adapters/sqlite/pins.ts';
import { createSqlitePruning } from '../../../functions/adapters/sqlite/pruning.ts';
import { type Database, openDatabase } from '../../../functions/adapters/sqlite/sqlite.ts';
import { createSqliteTasks } from '../../../functions/adapters/sqlite/tasks.ts';
import { taskRecord } from '../../../functions/model/names.ts';
import { endedStatus } from '../../../functions/model/task.ts';
import { outlineOf } from '../../../functions/model/task-summary.ts';
import { SAMPLE_PROFILE, sampleTask } from '../../contracts/samples.ts';
import { SEAL } from '../../fixtures/system/seal.ts';
import { tempDir } from '../../fixtures/system/temp-dir.ts';

describe('the list of tasks in sqlite', () => {
  it('reads small rows by an index, whatever the filters, and never sorts', async () => {
    await using dir = await tempDir();
    using database = openDatabase(join(dir.path, 'db.sqlite'));
    const asked: string[] = [];
    const rows: Database['rows'] = (sql, ...values) => {
      const plan = database.rows<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, ...values);
      asked.push(plan.map(({ detail }) => detail).join('; '));
      return database.rows(sql, ...values);
    };
    const tasks = createSqliteTasks({ database: { ...database, rows }, seal: SEAL });
    const after = { at: 5, id: 'a' };
    for (const filter of [
      {},
      { name: 'a' },
      { ended: 'open' },
      { ended: 'partial' },
      { name: 'a', ended: 'open' },
    ] as const)
      await tasks.list({ limit: 100, after, ...filter });
    assert.deepEqual(asked, [
      'SEARCH summaries USING INTEGER PRIMARY KEY (rowid<?)',
      'SEARCH summaries USING INDEX summaries_name (name=? AND rowid<?)',
      'SEARCH summaries USING INDEX summaries_ended (ended=? AND rowid<?)',
      'SEARCH summaries USING INDEX summaries_ended (ended=? AND rowid<?)',
      'SEARCH summaries USING INDEX summaries_name_ended (name=? AND ended=? AND rowid<?)',
    ]);
  });

  it('has the tasks of earlier versions, except those without a seal, which are of no use', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'db.sqlite');
    const ends = [
      { finished: null, succeeded: 1, failed: 0, cancelled: 0, cancelledAt: null },
      { finished: null, succeeded: 0, failed: 0, cancelled: 1, cancelledAt: 5 },
      { finished: 10, succeeded: 37, failed: 0, cancelled: 0, cancelledAt: null },
      { finished: 11, succeeded: 36, failed: 1, cancelled: 0, cancelledAt: null },
      { finished: 12, succeeded: 0, failed: 37, cancelled: 0, cancelledAt: null },
      { finished: 13, succeeded: 1, failed: 35, cancelled: 1, cancelledAt: 9 },
    ];
    const made = ends.map((_, at) => {
      const task = sampleTask({ combinations: 43, folder: String(at) });
      // As in a retry.
      task.plan.combinations = task.plan.combinations.filter(({ index }) => index % 7 !== 3);
      return task;
    });
    {
      using old = new DatabaseSync(path);
      const version = MIGRATIONS.findIndex((migration) => migration.includes('CREATE TABLE summaries'));
      old.function('hash_id', (key) => String(key));
      old.exec([...MIGRATIONS.slice(0, version), `PRAGMA user_version = ${version}`].join(';'));
      const insert = old.prepare(
        `INSERT INTO tasks (id, folder_id, id_start, body, seal, combinations, succeeded, failed, cancelled,
           cancelled_at, finished_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      );
      for (const [at, task] of made.entries()) {
        const { finished, succeeded, failed, cancelled, cancelledAt } = ends[at] as (typeof ends)[0];
        const body = JSON.stringify(task);
        const start = [
          task.id,
          task.folder.id,
          task.id.slice(0, 6),
          body,
          SEAL.of(taskRecord(task.id), body),
        ];
        insert.run(
          ...start,
          task.plan.combinations.length,
          succeeded,
          failed,
          cancelled,
          cancelledAt,
          finished,
        );
      }
      insert.run('unsealed', 'x', 'unseal', JSON.stringify(sampleTask()), null, 8, 0, 0, 0, null, null);
    }
    using database = openDatabase(path);
    const tasks = createSqliteTasks({ database, seal: SEAL });
    const { tasks: listed } = await tasks.list({ limit: 9 });
    assert.deepEqual(
      listed,
      made
        .map((task, at) => {
          const { finished, succeeded, failed, cancelled, cancelledAt } = ends[at] as (typeof ends)[0];
          const counts = { succeeded, failed, cancelled };
          const isOpen = finished === null;
          return {
            id: task.id,
            name: task.name,
            createdAt: task.createdAt,
            combinations: 37,
            ...counts,
            cancelRequested: cancelledAt !== null,
            ended: isOpen ? null : endedStatus(counts),
            finishedAt: finished,
            outline: isOpen ? outlineOf(task.plan) : { sources: 2, renders: [] },
            position: { at: at + 1, id: task.id },
          };
        })
        .toReversed(),
    );
    await tasks.remove(made[0]?.id as string);
    await tasks.finish(made[1]?.id as string);
    const left = (await tasks.list({ limit: 9 })).tasks;
    assert.deepEqual([left.length, left.at(-1)?.ended], [5, 'cancelled']);
  });

  it('removes what a message that was under way adds to a removed task, with the next pruning', async () => {
    await using dir = await tempDir();
    using database = openDatabase(join(dir.path, 'db.sqlite'));
    const tasks = createSqliteTasks({ database, seal: SEAL });
    const task = sampleTask({ combinations: 1 });
    await tasks.create(task);
    await tasks.finish(task.id);
    await tasks.remove(task.id);
    await createSqlitePins({ database }).write(task.id, 'profile', SAMPLE_PROFILE);
    createSqlitePruning({ database, taskDays: 30 }).step();
    for (const table of ['tasks', 'summaries', 'pins', 'pruned'])
      assert.equal(database.row<{ rows: number }>(`SELECT count(*) AS rows FROM ${table}`)?.rows, 0, table);
  });
});
