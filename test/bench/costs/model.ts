/**
 * What a task costs in the cloud, from what was measured and what is charged. Pure.
 * Not in it: speech (ElevenLabs), traffic that leaves Google's network, Cloud Build, logs, the polling of callers, webhooks,
 * taxes, and the free allowances of each month, within which tasks of 100 and 1,000 videos stay.
 */
import { CLOUD_RUN, FIRESTORE, PUBSUB, STORAGE } from './prices.ts';

export interface CostTask {
  /** Distinct. */
  clips: number;
  /** Length of each. */
  clipSeconds: number;
  tracks: number;
  lines: number;
  videos: number;
  /** Length of each. */
  videoSeconds: number;
  output: 'storage' | 'drive';
}

export interface CostItem {
  name: string;
  quantity: number;
  unit: string;
  /** US dollars per unit. */
  price: number;
  dollars: number;
}

/** Processors, GiB and the most instances of each function, as in infra/cloud/shared.sh. */
export const FUNCTIONS = {
  prepare: { processors: 2, gib: 4, instances: 6 },
  render: { processors: 1, gib: 2, instances: 5 },
  complete: { processors: 0.333, gib: 0.5, instances: 1 },
  processMedia: { processors: 1, gib: 0.5, instances: 1 },
} as const;

/** Measured, in seconds of an instance. test/README.md has the tables that they are from. */
export const MEASURED = {
  /** A second of a clip that is encoded, on two processors: 50.8 s for 63 s of 1080x1920, the mixes beside them included. */
  preparePerClipSecond: 0.81,
  /** A video of 21 s on one processor: 0.205 s with two at a time on two, and a fifth for saving. */
  renderPerVideo: 0.5,
  /** From the start of a process to its first answer. */
  start: 1.7,
  completePerTask: 2,
  processMediaPerTask: 1,
  /** Counted: 429 for 200 combinations, because those whose clips are not ready are published again. */
  pushesPerVideo: 2.15,
  firestore: {
    reads: { perVideo: 12, perSource: 22, perVideoOnDrive: 2 },
    writes: { perVideo: 4, perSource: 14, perVideoOnDrive: 1 },
  },
  /** Prepared clips and videos of 1080x1920 alike. */
  mbPerSecond: 2,
} as const;

/** The manifest in JSON and as CSV. */
const MANIFESTS = 2;

export function costOf(task: CostTask): CostItem[] {
  const { clips, clipSeconds, videos } = task;
  const sources = clips + task.tracks + task.lines;
  const { prepare, render, complete, processMedia } = FUNCTIONS;
  const pushes = sources + videos * MEASURED.pushesPerVideo + 1;
  const onDrive = task.output === 'drive';
  const operations = (kind: 'reads' | 'writes') => {
    const { perVideo, perSource, perVideoOnDrive } = MEASURED.firestore[kind];
    return videos * (perVideo + (onDrive ? perVideoOnDrive : 0)) + sources * perSource;
  };
  return [
    item(
      'prepare',
      clips * clipSeconds * MEASURED.preparePerClipSecond + started(prepare, sources),
      's',
      secondOf(prepare),
    ),
    item('render', videos * MEASURED.renderPerVideo + started(render, videos), 's', secondOf(render)),
    item('complete', MEASURED.completePerTask + MEASURED.start, 's', secondOf(complete)),
    item('process-media', MEASURED.processMediaPerTask + MEASURED.start, 's', secondOf(processMedia)),
    item('requests to Cloud Run', 1 + pushes, '', CLOUD_RUN.perRequest),
    // As if each message were published alone. They go in batches, so it is less.
    item('Pub/Sub: published and pushed', 2 * pushes, 'kB', PUBSUB.leastBytes * PUBSUB.perByte),
    item('Firestore: reads', operations('reads'), '', FIRESTORE.perRead),
    item('Firestore: writes', operations('writes'), '', FIRESTORE.perWrite),
    item('Storage: writes', sources + (onDrive ? 0 : videos + MANIFESTS), '', STORAGE.perWrite),
    item('Storage: reads', sources * Math.min(render.instances, videos), '', STORAGE.perRead),
    item(
      'clips kept for a month',
      (clips * clipSeconds * MEASURED.mbPerSecond) / 1_000,
      'GB',
      STORAGE.perGbMonth,
    ),
  ];
}

/** US dollars to keep the videos for a month; nothing on Drive. */
export function keepingVideos({ videos, videoSeconds, output }: CostTask): CostItem {
  const gb = output === 'drive' ? 0 : (videos * videoSeconds * MEASURED.mbPerSecond) / 1_000;
  return item('videos kept for a month', gb, 'GB', STORAGE.perGbMonth);
}

export function totalOf(items: readonly CostItem[]): number {
  return items.reduce((sum, { dollars }) => sum + dollars, 0);
}

/** US dollars for a second of an instance. */
function secondOf({ processors, gib }: { processors: number; gib: number }): number {
  return processors * CLOUD_RUN.perProcessorSecond + gib * CLOUD_RUN.perGibSecond;
}

/** Every instance that there may be, if there is that much to do. */
function started({ instances }: { instances: number }, messages: number): number {
  return Math.min(instances, messages) * MEASURED.start;
}

function item(name: string, quantity: number, unit: string, price: number): CostItem {
  return { name, quantity, unit, price, dollars: quantity * price };
}
