/** What the single-machine host knows of its work and its disks, for GET /stats and for gauges. */
import { diskSpace } from '../adapters/shared/disk-room.ts';
import type { SqliteQueue } from '../adapters/sqlite/queue.ts';
import { oneAtATime } from '../base/looks.ts';
import type { Config } from '../config/config.ts';
import type { DiskSpace, Figures } from '../http/stats.ts';
import type { Topic } from '../model/messages.ts';
import type { ChosenAdapters } from './choose-adapters.ts';

export interface LocalFiguresOptions extends Pick<ChosenAdapters, 'cacheUsage'> {
  config: Pick<Config, 'dataDir' | 'outputDir' | 'vendors'>;
  queue: Pick<SqliteQueue, 'counts' | 'oldestMs'>;
}

/** Whoever asks waits no longer for a disk. */
const LIMIT_MS = 2_000;

export function localFigures({ config, queue, cacheUsage }: LocalFiguresOptions): Omit<Figures, 'places'> {
  const data = measured(config.dataDir);
  const output = config.vendors.output.kind === 'local' ? measured(config.outputDir) : undefined;
  const cache = oneAtATime(cacheUsage, LIMIT_MS);
  return {
    queue() {
      const counts = queue.counts();
      const backlog = (topic: Topic) => ({ ...counts[topic], oldestMs: queue.oldestMs(topic) });
      return {
        prepare: backlog('prepare'),
        render: backlog('render'),
        complete: backlog('complete'),
        webhook: backlog('webhook'),
        'dead-letter': backlog('dead-letter'),
      };
    },
    disk: async () => {
      const [ofData, ofOutput] = await Promise.all([data(), output?.()]);
      return { data: ofData, output: ofOutput };
    },
    cache: () => cache().catch(() => undefined),
  };
}

/** Undefined if there is no such folder yet, or if its file system does not say, as some network disks. */
function measured(folder: string): () => Promise<DiskSpace | undefined> {
  const look = oneAtATime(() => diskSpace(folder), LIMIT_MS);
  return async () => {
    const space = await look().catch(() => undefined);
    return space?.total === 0 ? undefined : space;
  };
}
