/** In the cloud, what a render misses is made again by `prepare`. */
import { TransientError } from '../base/errors.ts';
import type { WorkMessage } from '../model/messages.ts';
import type { PinName, PinOf } from '../model/pins.ts';
import type { Artifact } from '../ports/artifacts.ts';
import type { AttemptStore } from '../ports/attempts.ts';
import type { PinStore } from '../ports/pins.ts';
import type { Queue } from '../ports/queue.ts';
import type { Artifacts } from './artifacts.ts';

export interface PrepareAgainDeps {
  pins: PinStore;
  artifacts: Artifacts;
  attempts: AttemptStore;
  queue: Queue;
}

/** An artifact that a render misses. */
export interface MissingArtifact<N extends PinName> {
  what: 'source' | 'piece';
  /** Pin of what was made in its place. */
  again: N;
  /** Key of the artifact in that pin. Throws PermanentError if the pin has none. */
  keyIn: (pin: PinOf<N>) => string;
  /** Key of the rest between two requests to make it. */
  askedKey: string;
  /** Requests to make it. */
  message: WorkMessage;
}

/** For all renders of the task together. */
const ASK_AGAIN_MS = 60_000;
const LOOK_AGAIN_MS = 5_000;

/**
 * Opens what was made in its place. If nothing was, or it is gone too, requests it and throws TransientError 'waiting'.
 */
export async function openPreparedAgain<M, N extends PinName>(
  { what, again, keyIn, askedKey, message }: MissingArtifact<N>,
  signal: AbortSignal,
  { pins, artifacts, attempts, queue }: PrepareAgainDeps,
): Promise<Artifact<M>> {
  const [pin] = await pins.read(message.taskId, [again]);
  if (pin !== undefined) {
    const artifact = await artifacts.open<M>(keyIn(pin), signal);
    if (artifact !== undefined) return artifact;
  }
  if ((await attempts.rest(askedKey, ASK_AGAIN_MS)) !== undefined) await queue.publish([message]);
  throw new TransientError('waiting', `A prepared ${what} is missing, and is made again.`, {
    retryAfterMs: LOOK_AGAIN_MS,
  });
}
