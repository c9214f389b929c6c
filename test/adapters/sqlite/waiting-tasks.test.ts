import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { SqliteMessages } from '../../../functions/adapters/sqlite/messages.ts';
import { type Database, openDatabase } from '../../../functions/adapters/sqlite/sqlite.ts';
import { WaitingTasks } from '../../../functions/adapters/sqlite/waiting-tasks.ts';
import type { Message } from '../../../functions/model/messages.ts';
import { tempDir } from '../../fixtures/system/temp-dir.ts';

const render = (taskId: string, index: number): Message => ({ topic: 'render', taskId, index });

describe('the tasks whose messages wait', () => {
  it('are found by the index: no query reads all messages, or sorts', async () => {
    await using dir = await tempDir();
    using database = openDatabase(join(dir.path, 'db.sqlite'));
    const plans: string[] = [];
    const explained: Database = {
      ...database,
      rows: (sql, ...values) => {
        plans.push(...planOf(database, sql, values));
        return database.rows(sql, ...values);
      },
      row: (sql, ...values) => {
        plans.push(...planOf(database, sql, values));
        return database.row(sql, ...values);
      },
    };
    const tasks = new WaitingTasks(explained);
    tasks.ready('render', 1_000);
    tasks.nextAt('render', 1_000);
    const onMessages = plans.filter((step) => /\bmessages\b/.test(step));
    assert.equal(onMessages.length, 7);
    const slow = plans.filter(
      (step) =>
        /TEMP B-TREE/.test(step) || (/\bmessages\b/.test(step) && !/^SEARCH messages USING/.test(step)),
    );
    assert.deepEqual(slow, []);
  });

  it('are each named once, with the message that comes next and how many are in flight', async () => {
    await using dir = await tempDir();
    using database = openDatabase(join(dir.path, 'db.sqlite'));
    let at = 1_000;
    const messages = new SqliteMessages(database, () => at);
    const tasks = new WaitingTasks(database);
    const ready = () => tasks.ready('render', at).map((found) => ({ ...found }));
    assert.deepEqual(ready(), []);
    assert.equal(tasks.nextAt('render', at), undefined);
    messages.add([
      render('b', 1),
      render('a', 1),
      render('a', 2),
      { topic: 'prepare', taskId: 'c', source: 0 },
    ]);
    assert.deepEqual(ready(), [
      { taskId: 'a', id: 2, inFlight: 0 },
      { taskId: 'b', id: 1, inFlight: 0 },
    ]);
    for (const taken of messages.take('render', 2).taken) messages.handBack(taken, 500);
    assert.deepEqual(ready(), [{ taskId: 'a', id: 3, inFlight: 0 }]);
    assert.equal(tasks.nextAt('render', at), 1_500);
    at = 1_500;
    // What was never delivered comes first.
    assert.deepEqual(ready(), [
      { taskId: 'a', id: 3, inFlight: 0 },
      { taskId: 'b', id: 1, inFlight: 0 },
    ]);
    assert.equal(tasks.nextAt('render', at), undefined);
  });
});

function planOf(database: Database, sql: string, values: Parameters<Database['rows']>[1][]): string[] {
  return database
    .rows<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, ...values)
    .map(({ detail }) => detail);
}
