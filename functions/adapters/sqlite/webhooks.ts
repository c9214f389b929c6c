import { asked, eventRecord, recorded, storedRecord, type WebhookRecord } from '../../model/webhook.ts';
import type { Seal } from '../../ports/seal.ts';
import type { WebhookStore } from '../../ports/webhooks.ts';
import type { Database } from './sqlite.ts';

type Row = { body: string } & Pick<WebhookRecord, 'askedAt' | 'nextTryAt'>;

export function createSqliteWebhooks({ database, seal }: { database: Database; seal: Seal }): WebhookStore {
  const find = (taskId: string): WebhookRecord | undefined => {
    const row = database.row<Row>(
      'SELECT body, asked_at AS askedAt, next_try_at AS nextTryAt FROM webhooks WHERE task_id = ?',
      taskId,
    );
    return row && storedRecord(row.body, row.askedAt, row.nextTryAt);
  };
  const store = (taskId: string, { askedAt, nextTryAt, ...body }: WebhookRecord): void => {
    database.run(
      `INSERT INTO webhooks (task_id, asked_at, next_try_at, body) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET asked_at = excluded.asked_at, next_try_at = excluded.next_try_at, body = excluded.body`,
      taskId,
      askedAt,
      nextTryAt,
      JSON.stringify(body),
    );
  };
  const eventOf = (taskId: string): string | undefined => {
    const row = database.row<{ event: string | null; seal: string | null }>(
      'SELECT event, seal FROM webhooks WHERE task_id = ?',
      taskId,
    );
    if (row?.event == null) return undefined;
    return seal.fits(eventRecord(taskId), row.event, row.seal) ? row.event : undefined;
  };

  return {
    async ask(taskId, at) {
      database.transaction(() => store(taskId, asked(find(taskId), at)));
    },

    async read(taskId) {
      return find(taskId);
    },

    async record(taskId, before, after) {
      return database.transaction(() => {
        const stored = find(taskId);
        if (stored === undefined) return undefined;
        const kept = recorded(stored, before, after);
        store(taskId, kept);
        return kept;
      });
    },

    async event(taskId, make) {
      const kept = eventOf(taskId);
      if (kept !== undefined) return kept;
      const made = await make();
      return database.transaction(() => {
        const quicker = eventOf(taskId);
        if (quicker !== undefined) return quicker;
        const own = seal.of(eventRecord(taskId), made);
        database.run('UPDATE webhooks SET event = ?, seal = ? WHERE task_id = ?', made, own, taskId);
        return made;
      });
    },

    async forget(taskId) {
      database.run('DELETE FROM webhooks WHERE task_id = ?', taskId);
    },

    async due(at, limit, skip = 0) {
      const rows = database.rows<{ id: string }>(
        'SELECT task_id AS id FROM webhooks WHERE next_try_at <= ? ORDER BY next_try_at, task_id LIMIT ? OFFSET ?',
        at,
        limit,
        skip,
      );
      return rows.map(({ id }) => id);
    },
  };
}
