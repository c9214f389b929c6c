/** Has lines spoken: each distinct one once, however many tasks, videos and processes want it. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Artifacts, artifactKey } from './artifacts.ts';
import { retryTransient } from './attempts.ts';
import { leasedSlots } from './lease.ts';
import type { Artifact, LeaseStore, Speech } from './ports.ts';
import type { Line } from './task/plan.ts';

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
  spoken(line: Line, identity: readonly string[], signal: AbortSignal): Promise<Artifact<object>>;
}

/** Names of the files within the artifact. */
export const SPOKEN = 'spoken';
export const TIMING = 'timing.json';

export function createSpeaking({ speech, artifacts, leases }: SpeakingDeps): Speaking {
  return {
    async identityOf(line, signal) {
      const provider = await retryTransient(() => speech.identity(line, signal), { signal });
      return [...provider, line.text];
    },

    spoken(line, identity, signal) {
      const speak = async (dir: string, held: AbortSignal) => {
        const { audio, timing } = await retryTransient(() => speech.speak(line, held), { signal: held });
        await writeFile(join(dir, SPOKEN), audio);
        await writeFile(join(dir, TIMING), JSON.stringify(timing));
        return {};
      };
      const slots = leasedSlots(leases, 'speech-slot', () => speech.atOnce, signal);
      const key = artifactKey('speech', identity);
      return artifacts.getOrCreate<object>(key, speak, { signal, slots, paid: true });
    },
  };
}
