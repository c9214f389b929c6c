import { asked, type WebhookRecord } from '../../model/webhook.ts';
import type { WebhookStore } from '../../ports.ts';
import type { Database } from './sqlite.ts';

type Row = { body: string } & Pick<WebhookRecord, 'askedAt' | 'nextTryAt'>;

export function createSqliteWebhooks({ database }: { database: Database }): WebhookStore {
  const find = (taskId: string): WebhookRecord | undefined => {
    const row = database.row<Row>(
      'SELECT body, asked_at AS askedAt, next_try_at AS nextTryAt FROM webhooks WHERE task_id = ?',
      taskId,
    );
    if (row === undefined) return undefined;
    const { body, ...times } = row;
    return { ...(JSON.parse(body) as Omit<WebhookRecord, 'askedAt' | 'nextTryAt'>), ...times };
  };

  return {
    async ask(taskId, at) {
      database.transaction(() => {
        const { askedAt, nextTryAt, ...body } = asked(find(taskId), at);
        database.run(
          'INSERT OR REPLACE INTO webhooks (task_id, asked_at, next_try_at, body) VALUES (?, ?, ?, ?)',
          taskId,
          askedAt,
          nextTryAt,
          JSON.stringify(body),
        );
      });
    },

    async read(taskId) {
      return find(taskId);
    },

    async record(taskId, { askedAt: _, nextTryAt, ...body }) {
      database.run(
        'UPDATE webhooks SET next_try_at = ?, body = ? WHERE task_id = ?',
        nextTryAt,
        JSON.stringify(body),
        taskId,
      );
    },

    async forget(taskId) {
      database.run('DELETE FROM webhooks WHERE task_id = ?', taskId);
    },

    async due(at, limit) {
      const rows = database.rows<{ id: string }>(
        'SELECT task_id AS id FROM webhooks WHERE next_try_at <= ? ORDER BY next_try_at LIMIT ?',
        at,
        limit,
      );
      return rows.map(({ id }) => id);
    },
  };
}
