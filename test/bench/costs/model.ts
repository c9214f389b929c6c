/**
 * What a task costs in the cloud, from what was measured, estimated and charged. Pure. Clips are encoded after having been
 * copied, which is the most that they cost.
 * Not in it: speech (ElevenLabs), traffic that leaves Google's network, Cloud Build, the images of the functions, logs and
 * metrics, secrets, the sweep and its schedule, dead letters, what Firestore keeps and deletes after its days, callers that
 * poll, webhooks, uploads, downloads and archives, work that is repeated after an error or a killed instance, instances that
 * idle, taxes, and the free allowances of each month, within which tasks of 100 and 1,000 videos stay.
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

/** test/README.md has the tables that these are from. */
export const MEASURED = {
  /** Seconds per second of a clip that is encoded, on two processors: 54.7 for 63 of 1080x1920, with mixes beside them. */
  preparePerClipSecond: 0.87,
  /** Seconds from the start of a process to its first answer, at most. */
  start: 1.7,
  /** 400 to 649 for 200 combinations: those whose clips are not ready are published again. 36 for 19 sources: clips come twice. */
  pushesPerVideo: 2.5,
  pushesPerSource: 2,
  /** Counted by `npm run bench -- pushes`, for that many pushes. */
  firestore: {
    reads: { perVideo: 14, perSource: 45, perVideoOnDrive: 2 },
    writes: { perVideo: 4, perSource: 17, perVideoOnDrive: 1 },
  },
  /** Objects, counted by `npm run bench -- storage`. */
  objects: {
    /** Its source, and what it became. A copy was made first, if a later clip showed that all must be encoded. */
    perClip: { source: 1, copied: 1, encoded: 1 },
    /** Source and prepared track; what was spoken and prepared line. */
    perTrackOrLine: 2,
    perSoundtrack: 1,
    perVideo: 1,
    /** The folder, and the manifest in JSON and as CSV. */
    perFolder: 3,
  },
  /** Of a track of 30 s and a line of one sentence, with what they came from; of a soundtrack per second. */
  mbPerTrack: 6.4,
  mbPerLine: 0.27,
  mbPerSoundtrackSecond: 0.025,
} as const;

/** Not measured: estimates, rather too high than too low. */
export const ASSUMED = {
  /** Seconds of an instance. A video of 21 s takes up to 0.47 s of a processor; the rest is for saving. */
  renderPerVideo: 0.5,
  completePerTask: 2,
  processMediaPerTask: 1,
  /** Sources, prepared clips and videos alike. Those of 1080x1920 that the bench makes have 1.2 to 1.7. */
  mbPerSecond: 2,
} as const;

export function costOf(task: CostTask): CostItem[] {
  const { clips, clipSeconds, videos } = task;
  const tracksAndLines = task.tracks + task.lines;
  const sources = clips + tracksAndLines;
  const soundtracks = soundtracksOf(task);
  const { prepare, render, complete, processMedia } = FUNCTIONS;
  const pushes = sources * MEASURED.pushesPerSource + videos * MEASURED.pushesPerVideo + 1;
  const { objects } = MEASURED;
  const { source, copied, encoded } = objects.perClip;
  const objectsPerClip = source + copied + encoded;
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
    item('render', videos * ASSUMED.renderPerVideo + started(render, videos), 's', secondOf(render)),
    item('complete', ASSUMED.completePerTask + MEASURED.start, 's', secondOf(complete)),
    item('process-media', ASSUMED.processMediaPerTask + MEASURED.start, 's', secondOf(processMedia)),
    item('requests to Cloud Run', 1 + pushes, '', CLOUD_RUN.perRequest),
    // As if each message were published alone. They go in batches, so it is less.
    item('Pub/Sub: published and pushed', 2 * pushes, 'kB', PUBSUB.leastBytes * PUBSUB.perByte),
    item('Firestore: reads', operations('reads'), '', FIRESTORE.perRead),
    item('Firestore: writes', operations('writes'), '', FIRESTORE.perWrite),
    item(
      'Storage: writes',
      clips * objectsPerClip +
        tracksAndLines * objects.perTrackOrLine +
        soundtracks * objects.perSoundtrack +
        (onDrive ? 0 : videos * objects.perVideo + objects.perFolder),
      '',
      STORAGE.perWrite,
    ),
    // By each instance of render what it joins; by another instance of prepare the source of a clip that was copied first.
    item(
      'Storage: reads',
      (sources + soundtracks) * Math.min(render.instances, videos) + clips,
      '',
      STORAGE.perRead,
    ),
    item(
      'cache kept for a month',
      (clips * clipSeconds * objectsPerClip * ASSUMED.mbPerSecond +
        task.tracks * MEASURED.mbPerTrack +
        task.lines * MEASURED.mbPerLine +
        soundtracks * task.videoSeconds * MEASURED.mbPerSoundtrackSecond) /
        1_000,
      'GB',
      STORAGE.perGbMonth,
    ),
  ];
}

/** One for each pair of a track and a line, as all videos have one length here; silence is one as well. */
export function soundtracksOf({ tracks, lines, videos }: CostTask): number {
  return Math.min(videos, Math.max(1, tracks) * Math.max(1, lines));
}

/** US dollars to keep the videos for a month; nothing on Drive. */
export function keepingVideos({ videos, videoSeconds, output }: CostTask): CostItem {
  const gb = output === 'drive' ? 0 : (videos * videoSeconds * ASSUMED.mbPerSecond) / 1_000;
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
