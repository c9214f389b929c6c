/** Has lines spoken: each distinct one once, however many tasks, videos and processes want it. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TransientError } from '../base/errors.ts';
import { leasedSemaphore } from '../coordination/lease.ts';
import { retryTransient } from '../coordination/retry-policy.ts';
import type { Line } from '../model/plan.ts';
import type { Spoken } from '../model/speech.ts';
import type { Artifact, LeaseStore, Speech } from '../ports.ts';
import { type Artifacts, artifactKey } from './artifacts.ts';

export interface SpeakingDeps {
  speech: Speech;
  artifacts: Artifacts;
  leases: LeaseStore;
}

export interface Speaking {
  /** What the line's sound goes by, whatever is made of it later. Throws PermanentError or TransientError. */
  identityOf(line: Line, signal: AbortSignal): Promise<readonly string[]>;
  /**
   * What the voice gave for it, in SPOKEN and TIMING. It is an artifact of its own, free of what decodes it, so that a
   * line is not bought again for a decoder that failed, or another build of it.
   */
  spoken(line: Line, identity: readonly string[], signals: SpeakingSignals): Promise<Artifact<object>>;
}

export interface SpeakingSignals {
  /** Whatever ends the work: the host's stop, the task's cancel. */
  signal: AbortSignal;
  /** The host's stop alone: what is being bought is bought to the end where only its task was cancelled. */
  stop: AbortSignal;
}

/** Names of the files within the artifact. */
export const SPOKEN = 'spoken';
export const TIMING = 'timing.json';

/** Lines that were bought and could not be stored yet, at most: while there are so many, no other one is bought. */
const MOST_UNSTORED = 100;
const MOST_UNSTORED_BYTES = 64 * 2 ** 20;

export function createSpeaking({ speech, artifacts, leases }: SpeakingDeps): Speaking {
  /** While the store is away, or the disk full: what is paid for waits for the next delivery. */
  const unstored = new Map<string, Spoken>();

  async function buy(key: string, line: Line, held: AbortSignal, stop: AbortSignal): Promise<Spoken> {
    const bought = unstored.get(key);
    if (bought !== undefined) return bought;
    refuseMore(unstored);
    // Who cancels a task must not pay for its line in the next one.
    const signal = AbortSignal.any([stop, unlessCancelled(held)]);
    const request = async () => (held.aborted ? undefined : speech.speak(line, signal));
    const spoken = await retryTransient(request, { signal });
    if (spoken === undefined) throw held.reason;
    unstored.set(key, spoken);
    return spoken;
  }

  return {
    async identityOf(line, signal) {
      const provider = await retryTransient(() => speech.identity(line, signal), { signal });
      return [...provider, line.text];
    },

    async spoken(line, identity, { signal, stop }) {
      const key = artifactKey('speech', identity);
      const speak = async (dir: string, held: AbortSignal) => {
        const { audio, timing } = await buy(key, line, held, stop);
        await writeFile(join(dir, SPOKEN), audio);
        await writeFile(join(dir, TIMING), JSON.stringify(timing));
        return {};
      };
      const semaphore = leasedSemaphore(leases, 'speech-slot', () => speech.atOnce, signal);
      const artifact = await artifacts.getOrCreate<object>(key, speak, { signal, semaphore, paid: true });
      unstored.delete(key);
      return artifact;
    },
  };
}

/** What is paid for is never thrown away for something else. */
function refuseMore(unstored: ReadonlyMap<string, Spoken>): void {
  const bytes = [...unstored.values()].reduce((sum, { audio }) => sum + audio.byteLength, 0);
  if (unstored.size < MOST_UNSTORED && bytes < MOST_UNSTORED_BYTES) return;
  throw new TransientError(
    'waiting',
    `${unstored.size} lines that were bought wait to be stored; no other one is bought before.`,
  );
}

/** Fires as the other one does, except for the cancel of a task. */
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
