/** Speaks each distinct line once, however many tasks, videos and processes need it. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TransientError } from '../base/errors.ts';
import { step } from '../base/telemetry/spans.ts';
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
import type { FirstUse } from './source-artifact.ts';
import type { SpeechCounts } from './speech-counts.ts';

export interface SpeakingDeps {
  speech: Speech;
  artifacts: Artifacts;
  leases: LeaseStore;
  counts: SpeechCounts;
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
  ): Promise<Artifact<FirstUse>>;
}

export interface SpeakingSignals {
  /** Fires when the host stops or the task is cancelled. */
  signal: AbortSignal;
  /** Fires when the host stops. If only the task is cancelled, a purchase still runs to its end. */
  stop: AbortSignal;
}

/** What was spoken for a task, even if another one stores it. */
interface Purchase {
  spoken: Spoken;
  taskId: string;
}

/** Names of the files within the artifact. */
export const SPOKEN = 'spoken';
export const TIMING = 'timing.json';

/** Bought lines that could not be stored yet. While there are this many, no other line is bought. */
const MOST_UNSTORED = 100;
const MOST_UNSTORED_BYTES = 64 * 2 ** 20;

export function createSpeaking({ speech, artifacts, leases, counts, inTurn }: SpeakingDeps): Speaking {
  /** While the store is down or the disk is full, a line that is paid for waits here for the next delivery. */
  const unstored = new Map<string, Purchase>();

  async function buy(
    key: string,
    { taskId, line }: { taskId: string; line: Line },
    turn: Semaphore,
    held: AbortSignal,
    stop: AbortSignal,
  ): Promise<Purchase> {
    const bought = unstored.get(key);
    if (bought !== undefined) return bought;
    refuseMore(unstored);
    // A line that is being bought as its task is cancelled must not be bought again for the next task.
    const signal = AbortSignal.any([stop, unlessCancelled(held)]);
    const request = () =>
      turn(async () => (held.aborted ? undefined : step('speak', 'line', () => speech.speak(line, signal))));
    const spoken = await retryTransient(request, { signal, stage: 'speak' });
    if (spoken === undefined) throw held.reason;
    counts.spoken(taskId, line, spoken);
    const purchase = { spoken, taskId };
    unstored.set(key, purchase);
    return purchase;
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
        const { spoken, taskId: first } = await buy(key, { taskId, line }, turn, held, stop);
        const { audio, timing } = spoken;
        await writeFile(join(dir, SPOKEN), audio);
        await writeFile(join(dir, TIMING), JSON.stringify(timing));
        return { first: { taskId: first, spoken: counts.speaker.isPaid ? 'bought' : 'free' } } as const;
      };
      const semaphore = leasedSemaphore(leases, speechSlotKey, () => speech.atOnce, signal, 'speaker');
      try {
        const options = { signal, semaphore, paid: { stop } };
        const artifact = await artifacts.getOrCreate<FirstUse>(key, speak, options);
        unstored.delete(key);
        return artifact;
      } finally {
        // It may be bought and not stored, or not be wanted any more.
        await counts.keep();
      }
    },
  };
}

/** A line that is paid for is never dropped to make room for another one. */
function refuseMore(unstored: ReadonlyMap<string, Purchase>): void {
  const bytes = [...unstored.values()].reduce((sum, { spoken }) => sum + spoken.audio.byteLength, 0);
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
