/** Makes a prepared source again whose artifact was evicted, is damaged, or never existed. */
import { TransientError } from '../base/errors.ts';
import { remakeKey } from '../coordination/lease-keys.ts';
import type { Task } from '../model/task.ts';
import type { AttemptStore, PinStore, Queue } from '../ports.ts';
import type { Artifacts } from './artifacts.ts';
import { type PreparedArtifact, usablePin } from './check-prepared.ts';
import type { Sources } from './prepare-source.ts';
import type { SpeakingSignals } from './speak-line.ts';

/** Called by a render. Throws PermanentError or TransientError. */
export type Remake = (task: Task, number: number, signals: SpeakingSignals) => Promise<PreparedArtifact>;

/** On one machine, whoever needs it makes it. */
export function remakeHere({ sources, artifacts }: { sources: Sources; artifacts: Artifacts }): Remake {
  return async (task, number, signals) => {
    for (;;) {
      // If another ffmpeg build was installed meanwhile, the key is a new one.
      const { artifact: key } = await sources.ready(task, number, signals);
      const artifact = await artifacts.open<PreparedArtifact['meta']>(key, signals.signal);
      if (artifact !== undefined) return artifact;
    }
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
  return async (task, number, { signal }) => {
    const [again] = await pins.read(task.id, [`remade-${number}`]);
    if (again !== undefined) {
      const { artifact: key } = usablePin(task, number, again);
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
