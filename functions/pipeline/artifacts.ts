import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stage } from '../base/errors.ts';
import { artifactLeaseKey } from '../coordination/lease-keys.ts';
import { once } from '../coordination/once.ts';
import { RETRY_MS, refuseCrashLoop, retryTransient, tryAtLeastOnce } from '../coordination/retry-policy.ts';
import type { Semaphore } from '../coordination/semaphore.ts';
import type { Attempts } from '../model/attempts.ts';
import type { Artifact, ArtifactStore } from '../ports/artifacts.ts';
import type { AttemptStore } from '../ports/attempts.ts';
import type { LeaseStore } from '../ports/leases.ts';

/** Fills `dir` with the artifact's files and returns its metadata. */
export type Make<M> = (dir: string, signal: AbortSignal) => Promise<M>;

export interface MakeOptions {
  signal: AbortSignal;
  /** Limits the making. Entered before the lease is taken. */
  semaphore?: Semaphore;
  /**
   * The task's own key, under which crashes are counted. After too many, the making fails as an error of that stage.
   * Another task, for example the same request on a machine with more memory, starts from zero.
   */
  countedAs?: { key: string; stage: Stage };
  /** Making it costs money: once made, it is stored even if nothing waits for it, unless the host stops meanwhile. */
  paid?: { stop: AbortSignal };
}

export interface Artifacts {
  /**
   * Returns the artifact. If it is missing, one process makes it while the others wait. Dispose of it when its files
   * are no longer read.
   */
  getOrCreate<M>(key: string, make: Make<M>, options: MakeOptions): Promise<Artifact<M>>;
  /**
   * Makes the artifact and stores it, without asking whether another process is at it: for what takes less time than such
   * questions. If another one was faster, its artifact is returned.
   */
  make<M>(key: string, make: Make<M>, signal: AbortSignal): Promise<Artifact<M>>;
  /** Undefined if it was never made, was evicted, or is damaged. */
  open<M>(key: string, signal: AbortSignal): Promise<Artifact<M> | undefined>;
  /** The same, but waits while another process makes it. */
  madeElsewhere<M>(key: string, signal: AbortSignal): Promise<Artifact<M> | undefined>;
}

export interface ArtifactsOptions {
  store: ArtifactStore;
  leases: LeaseStore;
  attempts: AttemptStore;
  /** For unfinished work; on the same file system as the store if possible. */
  tempDir: string;
  /** How long calls of the store are retried before the message is handed back, milliseconds. */
  retryMs?: number;
}

/**
 * An artifact is derived from content and named by everything that determines it, so it can be made anywhere, once, and
 * used by every task.
 */
export function createArtifacts(options: ArtifactsOptions): Artifacts {
  const { store, leases, attempts, tempDir, retryMs: forMs = RETRY_MS } = options;
  const open = <M>(key: string, signal: AbortSignal) =>
    retryTransient(() => store.open<M>(key), { signal, forMs });

  return {
    open,

    async make<M>(key: string, make: Make<M>, signal: AbortSignal) {
      await using dir = await workDir(tempDir);
      const meta = await make(dir.path, signal);
      signal.throwIfAborted();
      return await retryTransient(() => store.put<M>(key, dir.path, meta), { signal, forMs });
    },

    async madeElsewhere<M>(key: string, signal: AbortSignal) {
      for (;;) {
        // In this order: an artifact is stored before its lease is released.
        const [state] = await leases.read([artifactLeaseKey(key)]);
        const made = await open<M>(key, signal);
        if (made !== undefined || state !== 'held') return made;
        await sleep(leases.pollMs, undefined, { signal });
      }
    },

    getOrCreate<M>(key: string, make: Make<M>, { signal, semaphore, countedAs, paid }: MakeOptions) {
      const put = async (held: AbortSignal) => {
        await using dir = await workDir(tempDir);
        const meta = await make(dir.path, held);
        const put = () => store.put<M>(key, dir.path, meta);
        if (paid !== undefined) return await tryAtLeastOnce(put, { stop: paid.stop, forMs });
        held.throwIfAborted();
        return await retryTransient(put, { signal: held, forMs });
      };
      const find = () => open<M>(key, signal);
      return once<Artifact<M>>({
        leases,
        key: artifactLeaseKey(key),
        signal,
        find,
        ...(semaphore === undefined ? {} : { semaphore }),
        create: (_before, held) =>
          countedAs === undefined
            ? put(held)
            : // The lease above is shared by all tasks, so it does not tell whose process died. This one does.
              once({
                leases,
                attempts,
                key: countedAs.key,
                signal: held,
                find,
                create: (before, own) => putUnlessFatal(before, countedAs.stage, own),
              }),
      });

      function putUnlessFatal(before: Attempts, stage: Stage, held: AbortSignal): Promise<Artifact<M>> {
        refuseCrashLoop(before, stage);
        return put(held);
      }
    },
  };
}

export type ArtifactKind = 'source' | 'clip' | 'track' | 'image' | 'speech' | 'line' | 'soundtrack' | 'cover';

/** A readable kind and a hash, which depends on the parts and on where one ends and the next begins. */
export function artifactKey(kind: ArtifactKind, parts: readonly string[]): string {
  return `${kind}/${createHash('sha256').update(JSON.stringify(parts)).digest('hex')}`;
}

/** A private folder, removed when it is disposed of. */
export async function workDir(parent: string): Promise<AsyncDisposable & { path: string }> {
  await mkdir(parent, { recursive: true });
  const path = await mkdtemp(join(parent, 'work-'));
  return {
    path,
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true, force: true });
    },
  };
}
