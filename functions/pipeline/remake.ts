/** Makes a prepared source again whose artifact was evicted, is damaged, or never existed. */
import { LRUCache } from 'lru-cache';
import { PermanentError, TransientError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { remadeKey, remakeKey } from '../coordination/lease-keys.ts';
import { inFormat } from '../model/pins.ts';
import type { Task } from '../model/task.ts';
import type { AttemptStore } from '../ports/attempts.ts';
import { type PreparedArtifact, usablePin } from './check-prepared.ts';
import { openPreparedAgain, type PrepareAgainDeps } from './prepare-again.ts';
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

/** Until the other clip has been looked at. */
const LOOK_AGAIN_MS = 5_000;
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

/**
 * In the cloud, `prepare` makes it, because the account of `render` may save videos and has the signing key: no file of a
 * stranger is decoded there.
 */
export function remakeInPrepare(deps: PrepareAgainDeps): Remake {
  return (task, { number, format }, { signal }) =>
    openPreparedAgain(
      {
        what: 'source',
        again: `remade-${number}`,
        keyIn: (pin) => inFormat(usablePin(task, number, pin), format).artifact,
        askedKey: remakeKey(task.id, number),
        message: { topic: 'prepare', taskId: task.id, source: number },
      },
      signal,
      deps,
    );
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
