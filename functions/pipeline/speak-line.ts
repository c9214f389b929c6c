/** Speaks each distinct line once, however many tasks, videos and processes need it. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TransientError } from '../base/errors.ts';
import { speechSlotKey } from '../coordination/lease-keys.ts';
import { leasedSemaphore } from '../coordination/once.ts';
import { retryTransient } from '../coordination/retry-policy.ts';
import { type Semaphore, UNLIMITED } from '../coordination/semaphore.ts';
import type { Line } from '../model/plan.ts';
import type { Spoken } from '../model/speech.ts';
import type { Artifact } from '../ports/artifacts.ts';
import type { LeaseStore } from '../ports/leases.ts';
import type { Speech } from '../ports/speech.ts';
import { artifactKey } from './artifact-key.ts';
import type { Artifacts } from './artifacts.ts';

export interface SpeakingDeps {
  speech: Speech;
  artifacts: Artifacts;
  leases: LeaseStore;
  /** Serves tasks in turn, for a voice that speaks one line at a time. */
  inTurn: (taskId: string) => Semaphore;
}

export interface Speaking {
  /** Everything that determines the line's sound. Throws PermanentError or TransientError. */
  identityOf(line: Line, signal: AbortSignal): Promise<readonly string[]>;
  /**
   * The sound and timing as the voice returned them, in SPOKEN and TIMING. Stored separately from the decoded sound, so
   * that a line is not bought again because a decoder failed or changed.
   */
  spoken(
    taskId: string,
    line: Line,
    identity: readonly string[],
    signals: SpeakingSignals,
  ): Promise<Artifact<object>>;
}

export interface SpeakingSignals {
  /** Fires when the host stops or the task is cancelled. */
  signal: AbortSignal;
  /** Fires when the host stops. If only the task is cancelled, a purchase still runs to its end. */
  stop: AbortSignal;
}

/** Names of the files within the artifact. */
export const SPOKEN = 'spoken';
export const TIMING = 'timing.json';

/** Bought lines that could not be stored yet. While there are this many, no other line is bought. */
const MOST_UNSTORED = 100;
const MOST_UNSTORED_BYTES = 64 * 2 ** 20;

export function createSpeaking({ speech, artifacts, leases, inTurn }: SpeakingDeps): Speaking {
  /** While the store is down or the disk is full, a line that is paid for waits here for the next delivery. */
  const unstored = new Map<string, Spoken>();

  async function buy(
    key: string,
    line: Line,
    turn: Semaphore,
    held: AbortSignal,
    stop: AbortSignal,
  ): Promise<Spoken> {
    const bought = unstored.get(key);
    if (bought !== undefined) return bought;
    refuseMore(unstored);
    // A line that is being bought as its task is cancelled must not be bought again for the next task.
    const signal = AbortSignal.any([stop, unlessCancelled(held)]);
    const request = () => turn(async () => (held.aborted ? undefined : speech.speak(line, signal)));
    const spoken = await retryTransient(request, { signal, stage: 'speak' });
    if (spoken === undefined) throw held.reason;
    unstored.set(key, spoken);
    return spoken;
  }

  return {
    async identityOf(line, signal) {
      const provider = await retryTransient(() => speech.identity(line, signal), { signal });
      return [...provider, line.text];
    },

    async spoken(taskId, line, identity, { signal, stop }) {
      const key = artifactKey('speech', identity);
      const turn = speech.oneAtATime ? inTurn(taskId) : UNLIMITED;
      const speak = async (dir: string, held: AbortSignal) => {
        const { audio, timing } = await buy(key, line, turn, held, stop);
        await writeFile(join(dir, SPOKEN), audio);
        await writeFile(join(dir, TIMING), JSON.stringify(timing));
        return {};
      };
      const semaphore = leasedSemaphore(leases, speechSlotKey, () => speech.atOnce, signal, 'speaker');
      const artifact = await artifacts.getOrCreate<object>(key, speak, { signal, semaphore, paid: { stop } });
      unstored.delete(key);
      return artifact;
    },
  };
}

/** A line that is paid for is never dropped to make room for another one. */
function refuseMore(unstored: ReadonlyMap<string, Spoken>): void {
  const bytes = [...unstored.values()].reduce((sum, { audio }) => sum + audio.byteLength, 0);
  if (unstored.size < MOST_UNSTORED && bytes < MOST_UNSTORED_BYTES) return;
  throw new TransientError(
    'waiting',
    `${unstored.size} bought lines could not be stored yet. No other line is bought until they are.`,
  );
}

/** Fires with the given signal, unless that fires because a task was cancelled. */
function unlessCancelled(signal: AbortSignal): AbortSignal {
  const own = new AbortController();
  const pass = () => {
    const { reason } = signal;
    if (!TransientError.is(reason) || reason.code !== 'cancelled') own.abort(reason);
  };
  if (signal.aborted) pass();
  else signal.addEventListener('abort', pass, { once: true });
  return own.signal;
}
