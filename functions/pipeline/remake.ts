/** Makes a prepared source again whose artifact was evicted, is damaged, or never existed. */
import { LRUCache } from 'lru-cache';
import { PermanentError, TransientError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { remadeKey, remakeKey } from '../coordination/lease-keys.ts';
import { inFormat } from '../model/pins.ts';
import type { Task } from '../model/task.ts';
import type { AttemptStore } from '../ports/attempts.ts';
import type { PinStore } from '../ports/pins.ts';
import type { Queue } from '../ports/queue.ts';
import type { Artifacts } from './artifacts.ts';
import { type PreparedArtifact, usablePin } from './check-prepared.ts';
import type { Sources } from './prepare-source.ts';
import type { SpeakingSignals } from './speak-line.ts';

/** What a render misses. */
export interface Missing {
  /** Number of the source. */
  number: number;
  /** Of a clip: index into Plan.formats, or 0. */
  format: number;
  /** Key of the artifact. */
  key: string;
}

/** Called by a render that misses an artifact. Throws PermanentError or TransientError. */
export type Remake = (task: Task, missing: Missing, signals: SpeakingSignals) => Promise<PreparedArtifact>;

export interface RemakeHereDeps {
  sources: Sources;
  /** Whether the artifact of that key was removed to make room. */
  wasEvicted: (key: string) => boolean;
  log: Log;
}

/** Sources of which it was logged that they are made again. */
const LOGGED = 10_000;

/**
 * On one machine, whoever needs it makes it, and keeps it open until its video is mixed. So each video needs each of its
 * clips made once at most, however small the cache is.
 */
export function remakeHere({ sources, wasEvicted, log }: RemakeHereDeps): Remake {
  const logged = new LRUCache<string, true>({ max: LOGGED });
  return async (task, { number, format, key: missing }, signals) => {
    const key = remadeKey(task.id, number);
    if (!logged.has(key)) {
      logged.set(key, true);
      const why = wasEvicted(missing)
        ? 'it was removed to make room. Raise CACHE_MAX_MB, so that all clips of a task fit.'
        : 'it is gone.';
      log.warn(`A prepared ${task.plan.sources[number]?.kind} of task "${task.name}" is made again: ${why}`, {
        event: 'source.remade',
        task_id: task.id,
        task_name: task.name,
        source: number,
      });
    }
    // If another ffmpeg build was installed meanwhile, the key is a new one.
    const artifact = await sources.opened(task, number, format, signals);
    if (artifact !== undefined) return artifact;
    // Only of a task that an earlier version began, and only for as long as another clip of it is looked at.
    throw new TransientError('waiting', 'It is being decided whether the clips of the task are copied.', {
      retryAfterMs: LOOK_AGAIN_MS,
    });
  };
}

export interface RemakeInPrepareDeps {
  pins: PinStore;
  artifacts: Artifacts;
  attempts: AttemptStore;
  queue: Queue;
}

/** For all renders of the task together. */
const ASK_AGAIN_MS = 60_000;
const LOOK_AGAIN_MS = 5_000;

/**
 * In the cloud, `prepare` makes it, because the account of `render` may save videos and has the signing key: no file of a
 * stranger is decoded there.
 */
export function remakeInPrepare({ pins, artifacts, attempts, queue }: RemakeInPrepareDeps): Remake {
  return async (task, { number, format }, { signal }) => {
    const [again] = await pins.read(task.id, [`remade-${number}`]);
    if (again !== undefined) {
      const { artifact: key } = inFormat(usablePin(task, number, again), format);
      const artifact = await artifacts.open<PreparedArtifact['meta']>(key, signal);
      if (artifact !== undefined) return artifact;
    }
    if ((await attempts.rest(remakeKey(task.id, number), ASK_AGAIN_MS)) !== undefined) {
      await queue.publish([{ topic: 'prepare', taskId: task.id, source: number }]);
    }
    throw new TransientError('waiting', 'A prepared source is missing, and is made again.', {
      retryAfterMs: LOOK_AGAIN_MS,
    });
  };
}

/** Within an hour of each other. What is removed sooner than that is removed before the renders have used it. */
const MOST_REMAKES = 5;

/** Called by `prepare` before it makes a source again. Throws PermanentError 'cache_failed' after MOST_REMAKES. */
export async function refuseEndlessRemakes(
  task: Task,
  number: number,
  attempts: AttemptStore,
): Promise<void> {
  // A rest of no length only counts.
  const round = await attempts.rest(remadeKey(task.id, number), 0);
  if (round === undefined || round <= MOST_REMAKES) return;
  throw new PermanentError(
    'cache_failed',
    'save',
    `Expected the prepared source to stay until its videos are made, got it removed ${round} times within hours. ` +
      'Next step: raise CACHE_MAX_MB, look at the lifecycle rules of CACHE_BUCKET, then retry the task.',
  );
}
