/** The single-machine host: SQLite and disk. */
import { join } from 'node:path';
import { createDiskOutputs } from '../../functions/adapters/disk/outputs.ts';
import { createSqliteLeases } from '../../functions/adapters/sqlite/leases.ts';
import { createSqliteMemo } from '../../functions/adapters/sqlite/memo.ts';
import { createSqlitePins } from '../../functions/adapters/sqlite/pins.ts';
import { createSqliteQueue, type SqliteQueue } from '../../functions/adapters/sqlite/queue.ts';
import { createSqliteReports } from '../../functions/adapters/sqlite/reports.ts';
import { type Database, openDatabase } from '../../functions/adapters/sqlite/sqlite.ts';
import { createSqliteTasks } from '../../functions/adapters/sqlite/tasks.ts';
import { CORES } from '../../functions/base/machine.ts';
import { loadConfig } from '../../functions/config/config.ts';
import type { Adapters } from '../../functions/hosts/instrumentation.ts';
import { startHost } from '../../functions/hosts/local.ts';
import { SEAL, SIGNING_KEY } from '../fixtures/system/seal.ts';
import type { AdapterSet, LeftOver } from './adapter-set.ts';
import { childProcesses, dataDir, filesBelow, outputDir, workFiles } from './on-disk.ts';

export const localSet: AdapterSet = {
  name: 'the single-machine host',
  parallel: 2,
  orderly: true,
  sweepsFirst: true,

  environment: (dir) => ({
    PORT: '0',
    DATA_DIR: dataDir(dir),
    OUTPUT_DIR: outputDir(dir),
    SIGNING_KEY,
    // One render at a time, so that the order of the calls determines which combination completes the task.
    RENDER_CONCURRENCY: '1',
    // One encoder at a time.
    FFMPEG_THREADS: String(CORES),
  }),

  async start(log, instrumentation) {
    let bare: Adapters | undefined;
    const host = await startHost(loadConfig(process.env), log, {
      ...instrumentation,
      adapters(adapters) {
        bare = adapters;
        return instrumentation.adapters(adapters);
      },
    });
    const { queue, tasks } = bare as Adapters & { queue: SqliteQueue };
    return {
      url: host.url,
      async pending() {
        const counts = Object.values(queue.counts());
        const messages = counts.reduce((sum, { waiting, inFlight }) => sum + waiting + inFlight, 0);
        return { messages, tasks: (await tasks.unfinished(1)).length };
      },
      stop: host.stop,
    };
  },

  async open(dir) {
    const database = openDatabase(join(dataDir(dir), 'every-cut.sqlite'));
    const outputs = createDiskOutputs({ dir: outputDir(dir) });
    return {
      ports: {
        tasks: createSqliteTasks({ database, seal: SEAL }),
        reports: createSqliteReports({ database, seal: SEAL }),
        pins: createSqlitePins({ database }),
        leases: createSqliteLeases({ database }),
        // Created on demand, because a new queue takes back what is in flight, which the judge must see first.
        get queue() {
          return createSqliteQueue({ database });
        },
        outputs,
        memo: createSqliteMemo({ database }),
      },
      async leftOvers() {
        return [
          ...messagesIn(database),
          ...leasesIn(database),
          ...(await workFiles(dir)),
          ...(await childProcesses(dir)),
        ];
      },
      files: () => filesBelow(outputDir(dir)),
      fileIn: (folder, name) => join(folder.id, name),
      async [Symbol.asyncDispose]() {
        database.close();
      },
    };
  },
};

function messagesIn(database: Database): LeftOver[] {
  return database
    .rows<{ state: string; body: string }>('SELECT state, body FROM messages')
    .map(({ state, body }) => ({ kind: 'message', what: `${state} ${body}` }));
}

function leasesIn(database: Database): LeftOver[] {
  return database
    .rows<{ key: string }>('SELECT key FROM leases WHERE held_until > ?', Date.now())
    .map(({ key }) => ({ kind: 'lease', what: key }));
}
