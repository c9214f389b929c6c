import { EventEmitter } from 'node:events';
import { isSettled, type PinName, type PinOf } from '../../model/pins.ts';
import type { PinStore } from '../../ports.ts';
import type { Database } from './sqlite.ts';

/** Pins. Each new one wakes the callers in this process that wait for it. */
export function createSqlitePins({ database }: { database: Database }): PinStore {
  /** Emits the id of the task that got a pin. */
  const written = new EventEmitter();
  written.setMaxListeners(0);

  const readOne = <N extends PinName>(taskId: string, name: N): PinOf<N> | undefined => {
    const row = database.row<{ body: string }>(
      'SELECT body FROM pins WHERE task_id = ? AND name = ?',
      taskId,
      name,
    );
    return row && (JSON.parse(row.body) as PinOf<N>);
  };
  const readAll = <N extends PinName>(taskId: string, names: readonly N[]) =>
    names.map((name) => readOne(taskId, name));

  return {
    async read(taskId, names) {
      return readAll(taskId, names);
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
      const added = database.run(
        'INSERT OR IGNORE INTO pins (task_id, name, body) VALUES (?, ?, ?)',
        taskId,
        name,
        JSON.stringify(pin),
      );
      const stored = readOne(taskId, name);
      if (!stored) throw new Error(`Expected pin ${name} of task ${taskId} after writing it, got none`);
      if (added === 1) written.emit(taskId);
      return stored;
    },

    wait<N extends PinName>(
      taskId: string,
      names: readonly N[],
      { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
    ) {
      return new Promise<(PinOf<N> | undefined)[]>((resolve, reject) => {
        const end = (): void => {
          clearTimeout(timer);
          written.off(taskId, check);
          signal.removeEventListener('abort', abort);
        };
        const answer = (accept: (pins: (PinOf<N> | undefined)[]) => boolean): void => {
          try {
            const pins = readAll(taskId, names);
            if (!accept(pins)) return;
            resolve(pins);
          } catch (error) {
            reject(error);
          }
          end();
        };
        const check = (): void => answer(isSettled);
        const abort = (): void => {
          end();
          reject(signal.reason);
        };
        const timer = setTimeout(() => answer(() => true), timeoutMs);
        written.on(taskId, check);
        signal.addEventListener('abort', abort, { once: true });
        if (signal.aborted) abort();
        else check();
      });
    },
  };
}
