/** GET /stats: what the service is doing, in one small answer. */
import pLimit from 'p-limit';
import { keptFor } from '../base/looks.ts';
import { VERSION } from '../base/version.ts';
import type { PlaceUsage } from '../coordination/semaphore.ts';
import type { StatsView } from '../model/answers/stats.ts';
import type { Topic } from '../model/messages.ts';
import type { TaskPosition, TaskSummary } from '../model/task-summary.ts';
import type { TaskStore } from '../ports/tasks.ts';
import type { UsageStore } from '../ports/usage.ts';
import { MOST_LOOKED_AT, openStatusOf, READ_AT_ONCE, type TaskListDeps } from './task-list.ts';

export interface Backlog {
  waiting: number;
  inFlight: number;
  quarantined: number;
  /** Milliseconds since the oldest message that waits or is in flight was published; 0 if there is none. */
  oldestMs: number;
}

/** Bytes. */
export interface DiskSpace {
  free: number;
  total: number;
}

export const PLACES = ['downloader', 'prober', 'decoder', 'encoder', 'mixer', 'saver'] as const;
export type PlaceName = (typeof PLACES)[number];

/** What a machine knows that does all the work alone. */
export interface Figures {
  queue(): Record<Topic, Backlog>;
  places(): Record<PlaceName, PlaceUsage>;
  /** Undefined: it cannot be measured. Never rejects, and takes a few seconds at most. */
  disk(): Promise<Record<'data' | 'output', DiskSpace | undefined>>;
  /** The same for the prepared files. */
  cache(): Promise<{ bytes: number; limitBytes: number } | undefined>;
}

export interface StatsOptions extends Omit<TaskListDeps, 'tasks'> {
  tasks: Pick<TaskStore, 'list' | 'countOpen'>;
  usage: Pick<UsageStore, 'speech'>;
  /** Undefined where several machines share the work. */
  figures: Figures | undefined;
}

export interface StatsDeps {
  stats: () => Promise<StatsView>;
}

/** How old an answer may be. Where each look costs reads of a shared store, they are spared for longer. */
const KEPT_MS = 1_000;
const KEPT_SHARED_MS = 10_000;
/** Unfinished tasks whose status is found out: about 50 ms of one machine, and up to 6 reads each of a shared store. */
const MOST_TASKS = 1_000;
const MOST_TASKS_SHARED = MOST_LOOKED_AT;

export async function getStats({ stats }: StatsDeps): Promise<Response> {
  return Response.json(await stats());
}

export function createStats({ figures, usage, ...deps }: StatsOptions): StatsDeps['stats'] {
  const isShared = figures === undefined;
  return keptFor(isShared ? KEPT_SHARED_MS : KEPT_MS, async () => {
    const [tasks, speech, disk, cache] = await Promise.all([
      taskCounts(deps, isShared ? MOST_TASKS_SHARED : MOST_TASKS),
      usage.speech(),
      figures?.disk(),
      figures?.cache(),
    ]);
    return {
      version: VERSION,
      uptime_seconds: Math.round(process.uptime()),
      tasks,
      queue: figures === undefined ? null : queueView(figures.queue()),
      places: figures === undefined ? null : placesView(figures.places()),
      disk: disk === undefined ? null : { data: spaceView(disk.data), output: spaceView(disk.output) },
      cache: cache === undefined ? null : { bytes: cache.bytes, limit_bytes: cache.limitBytes },
      speech: {
        since: speech.since,
        characters_bought: speech.bought,
        characters_saved: speech.saved,
      },
    };
  });
}

type TaskDeps = Omit<StatsOptions, 'figures' | 'usage'>;

async function taskCounts(deps: TaskDeps, most: number): Promise<StatsView['tasks']> {
  const atOnce = pLimit(READ_AT_ONCE);
  const counts = { queued: 0, preparing: 0, rendering: 0, cancelling: 0 };
  const count = async (task: TaskSummary) => {
    const status = await openStatusOf(task, deps);
    if (status in counts) counts[status as keyof typeof counts] += 1;
  };
  let after: TaskPosition | undefined;
  for (let looked = 0; looked < most; looked += MOST_LOOKED_AT) {
    const page = await deps.tasks.list({ limit: MOST_LOOKED_AT, after, ended: 'open' });
    await Promise.all(page.tasks.map((task) => atOnce(() => count(task))));
    after = page.next;
    if (after === undefined) break;
  }
  return { unfinished: await deps.tasks.countOpen(), ...counts };
}

function queueView(queue: Record<Topic, Backlog>): StatsView['queue'] {
  const view = ({ waiting, inFlight, quarantined, oldestMs }: Backlog) => ({
    waiting,
    in_flight: inFlight,
    quarantined,
    oldest_seconds: waiting + inFlight === 0 ? null : seconds(oldestMs),
  });
  return {
    prepare: view(queue.prepare),
    render: view(queue.render),
    complete: view(queue.complete),
    webhook: view(queue.webhook),
    dead_letter: view(queue['dead-letter']),
  };
}

function placesView(places: Record<PlaceName, PlaceUsage>): StatsView['places'] {
  return {
    downloaders: places.downloader,
    probers: places.prober,
    decoders: places.decoder,
    encoders: places.encoder,
    mixers: places.mixer,
    savers: places.saver,
  };
}

function spaceView(space: DiskSpace | undefined) {
  return space === undefined ? null : { free_bytes: space.free, total_bytes: space.total };
}

function seconds(ms: number): number {
  return Math.round(ms / 100) / 10;
}
