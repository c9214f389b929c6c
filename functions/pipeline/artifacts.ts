import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Stage } from '../base/errors.ts';
import type { Semaphore } from '../coordination/fair-semaphore.ts';
import { once } from '../coordination/lease.ts';
import { RETRY_MS, refuseCrashLoop, retryTransient } from '../coordination/retry-policy.ts';
import type { Artifact, ArtifactStore, Lease, LeaseStore } from '../ports.ts';

/** Fills `dir` with the artifact's files and tells what they are. */
export type Make<M> = (dir: string, signal: AbortSignal) => Promise<M>;

export interface MakeOptions {
  signal: AbortSignal;
  /** Room for the making; taken before the lease. */
  semaphore?: Semaphore;
  /**
   * Lease on which deaths over this work are counted, until it is refused. One of the task's own: another task, or
   * the same request after the machine got more memory, begins anew.
   */
  blame?: { lease: string; stage: Stage };
  /** What it cost is paid: once made it is stored, also where nobody wants it any more. */
  paid?: boolean;
}

export interface Artifacts {
  /**
   * The artifact of that key; made where there is none, by one maker among all processes while the others wait.
   * Dispose of it when its files are no longer read.
   */
  getOrCreate<M>(key: string, make: Make<M>, options: MakeOptions): Promise<Artifact<M>>;
  /** Undefined where it is gone: evicted, or found damaged. */
  open<M>(key: string, signal: AbortSignal): Promise<Artifact<M> | undefined>;
}

export interface ArtifactsOptions {
  store: ArtifactStore;
  leases: LeaseStore;
  /** For unfinished work; on the same file system as the store where possible. */
  tempDir: string;
  /** How long calls of the store are retried before the message is handed back, milliseconds. */
  retryMs?: number;
}

/** Something paid for is stored even if nobody waits for it any more. */
const NEVER = new AbortController().signal;

/**
 * An artifact is derived from content and named by all that makes it what it is, so it can be made anywhere, once,
 * and used by every task.
 */
export function createArtifacts(options: ArtifactsOptions): Artifacts {
  const { store, leases, tempDir, retryMs: forMs = RETRY_MS } = options;
  const open = <M>(key: string, signal: AbortSignal) =>
    retryTransient(() => store.open<M>(key), { signal, forMs });

  return {
    open,

    getOrCreate<M>(key: string, make: Make<M>, { signal, semaphore, blame, paid = false }: MakeOptions) {
      const put = async (held: AbortSignal) => {
        await using dir = await workDir(tempDir);
        const meta = await make(dir.path, held);
        if (!paid) held.throwIfAborted();
        return await retryTransient(() => store.put<M>(key, dir.path, meta), {
          signal: paid ? NEVER : held,
          forMs,
        });
      };
      const find = () => open<M>(key, signal);
      return once<Artifact<M>>({
        leases,
        key: `artifact/${key}`,
        signal,
        find,
        ...(semaphore === undefined ? {} : { semaphore }),
        create: (_lease, held) =>
          blame === undefined
            ? put(held)
            : once({
                leases,
                key: blame.lease,
                signal: held,
                find,
                create: (lease, own) => putUnlessFatal(lease, blame.stage, own),
              }),
      });

      function putUnlessFatal(lease: Lease, stage: Stage, held: AbortSignal): Promise<Artifact<M>> {
        refuseCrashLoop(lease, stage);
        return put(held);
      }
    },
  };
}

export type ArtifactKind = 'source' | 'clip' | 'track' | 'speech' | 'line';

/** A key of readable kind and unguessable rest: all parts count, and the borders between them. */
export function artifactKey(kind: ArtifactKind, parts: readonly string[]): string {
  return `${kind}/${createHash('sha256').update(JSON.stringify(parts)).digest('hex')}`;
}

/** A private folder that is gone afterwards, on every path. */
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
