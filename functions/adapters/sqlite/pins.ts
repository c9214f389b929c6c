import type { PinName, PinOf } from '../../model/pins.ts';
import type { PinStore } from '../../ports/pins.ts';
import type { Database } from './sqlite.ts';

export function createSqlitePins({ database }: { database: Database }): PinStore {
  const readOne = <N extends PinName>(taskId: string, name: N): PinOf<N> | undefined => {
    const row = database.row<{ body: string }>(
      'SELECT body FROM pins WHERE task_id = ? AND name = ?',
      taskId,
      name,
    );
    return row && (JSON.parse(row.body) as PinOf<N>);
  };

  return {
    async read(taskId, names) {
      return names.map((name) => readOne(taskId, name));
    },

    async count(taskId) {
      const row = database.row<{ all: number; ready: number }>(
        `SELECT count(*) AS "all", coalesce(sum(name GLOB 'prepared-*' AND json_extract(body, '$.error') IS NULL), 0) AS ready
         FROM pins WHERE task_id = ?`,
        taskId,
      );
      return { all: row?.all ?? 0, ready: row?.ready ?? 0 };
    },

    async write(taskId, name, pin) {
      database.run(
        'INSERT OR IGNORE INTO pins (task_id, name, body) VALUES (?, ?, ?)',
        taskId,
        name,
        JSON.stringify(pin),
      );
      const stored = readOne(taskId, name);
      if (!stored) throw new Error(`Expected pin ${name} of task ${taskId} after writing it, got none`);
      return stored;
    },
  };
}
