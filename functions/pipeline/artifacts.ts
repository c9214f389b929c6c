import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stage } from '../base/errors.ts';
import { step } from '../base/telemetry/spans.ts';
import { artifactLeaseKey } from '../coordination/lease-keys.ts';
import { once } from '../coordination/once.ts';
import { RETRY_MS, refuseCrashLoop, retryTransient, tryAtLeastOnce } from '../coordination/retry-policy.ts';
import type { Semaphore } from '../coordination/semaphore.ts';
import type { Attempts } from '../model/attempts.ts';
import type { Artifact, ArtifactStore } from '../ports/artifacts.ts';
import type { AttemptStore } from '../ports/attempts.ts';
import type { LeaseStore } from '../ports/leases.ts';
import { countFound, countMade } from './artifact-counts.ts';
import { kindOf } from './artifact-key.ts';

/** Fills `dir` with the artifact's files and returns its metadata. */
export type Make<M> = (dir: string, signal: AbortSignal) => Promise<M>;

/**
 * The same for several artifacts at a time, which get the same metadata. There is a folder for each that is missing, by its
 * place in the list of keys, all in `parent`.
 */
export type MakeAll<M> = (
  dirs: ReadonlyMap<number, string>,
  signal: AbortSignal,
  parent: string,
) => Promise<M>;

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
   * The same for artifacts that are best made together: one process makes all that are missing. Each is complete by itself,
   * so that a process that dies half-way leaves some of them, and the next one makes the rest.
   */
  getOrCreateAll<M>(
    keys: readonly string[],
    make: MakeAll<M>,
    options: Omit<MakeOptions, 'paid'>,
  ): Promise<Artifact<M>[]>;
  /**
   * Makes the artifact and stores it, without asking whether another process is at it: for what takes less time than such
   * questions. If another one was faster, its artifact is returned.
   */
  make<M>(key: string, make: Make<M>, signal: AbortSignal): Promise<Artifact<M>>;
  /** Undefined if it was never made, was evicted, or is damaged. */
  open<M>(key: string, signal: AbortSignal): Promise<Artifact<M> | undefined>;
  /** The same for whoever may not use it: it does not count as a request. See artifact-counts.ts. */
  look<M>(key: string, signal: AbortSignal): Promise<Artifact<M> | undefined>;
  /** As `look`, but waits while another process makes it. */
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
  const made = new WeakSet<Artifact>();
  const look = <M>(key: string, signal: AbortSignal) =>
    retryTransient(() => store.open<M>(key), { signal, forMs });

  return {
    look,

    async open<M>(key: string, signal: AbortSignal) {
      const found = await look<M>(key, signal);
      if (found !== undefined) countFound([found]);
      return found;
    },

    async make<M>(key: string, make: Make<M>, signal: AbortSignal) {
      await using dir = await workDir(tempDir);
      const meta = await make(dir.path, signal);
      return await put(key, dir.path, meta, signal);
    },

    async madeElsewhere<M>(key: string, signal: AbortSignal) {
      for (;;) {
        // In this order: an artifact is stored before its lease is released.
        const [state] = await leases.read([artifactLeaseKey(key)]);
        const made = await look<M>(key, signal);
        if (made !== undefined || state !== 'held') return made;
        await sleep(leases.pollMs, undefined, { signal });
      }
    },

    async getOrCreate<M>(key: string, make: Make<M>, options: MakeOptions) {
      const alone = async (held: AbortSignal): Promise<Artifact<M>> => {
        await using dir = await workDir(tempDir);
        const meta = await make(dir.path, held);
        return await put(key, dir.path, meta, held, options.paid);
      };
      const find = () => look<M>(key, options.signal);
      const artifact = await underLeaseOf(key, { ...options, find, create: alone });
      if (!made.has(artifact)) countFound([artifact]);
      return artifact;
    },

    async getOrCreateAll<M>(keys: readonly string[], make: MakeAll<M>, options: MakeOptions) {
      const { signal } = options;
      const opened = new Map<string, Artifact<M>>();
      let lease: string | undefined;
      const missing = () => [...keys.entries()].filter(([, key]) => !opened.has(key));
      const all = () => keys.map((key) => opened.get(key) as Artifact<M>);
      const find = async (): Promise<Artifact<M>[] | undefined> => {
        for (const [, key] of missing()) {
          const artifact = await look<M>(key, signal);
          if (artifact !== undefined) opened.set(key, artifact);
        }
        return missing().length === 0 ? all() : undefined;
      };
      const together = async (held: AbortSignal): Promise<Artifact<M>[]> => {
        await using dir = await workDir(tempDir);
        const dirs = new Map(missing().map(([place]) => [place, join(dir.path, String(place))]));
        for (const path of dirs.values()) await mkdir(path);
        const meta = await make(dirs, held, dir.path);
        // That of the lease last: whoever waits for it finds the others, too.
        const others = [...dirs.keys()].filter((place) => keys[place] !== lease);
        const last = [...dirs.keys()].filter((place) => keys[place] === lease);
        for (const place of [...others, ...last]) {
          const key = keys[place] as string;
          opened.set(key, await put(key, dirs.get(place) as string, meta, held));
        }
        return all();
      };
      try {
        if ((await find()) === undefined) {
          // Tasks with the same formats in another order take the same one.
          [lease] = missing()
            .map(([, key]) => key)
            .toSorted();
          await underLeaseOf(lease as string, { ...options, find, create: together });
        }
        countFound(all().filter((artifact) => !made.has(artifact)));
        return all();
      } catch (error) {
        disposeOf(opened.values());
        throw error;
      }
    },
  };

  async function put<M>(
    key: string,
    dir: string,
    meta: M,
    held: AbortSignal,
    paid?: MakeOptions['paid'],
  ): Promise<Artifact<M>> {
    const save = () => step('store', kindOf(key), () => store.put<M>(key, dir, meta));
    if (paid === undefined) held.throwIfAborted();
    const artifact =
      paid === undefined
        ? await retryTransient(save, { signal: held, forMs })
        : await tryAtLeastOnce(save, { stop: paid.stop, forMs });
    made.add(artifact);
    countMade(artifact);
    return artifact;
  }

  interface Making<T> extends Omit<MakeOptions, 'paid'> {
    find: () => Promise<T | undefined>;
    create: (held: AbortSignal) => Promise<T>;
  }

  async function underLeaseOf<T>(
    key: string,
    { signal, semaphore, countedAs, find, create }: Making<T>,
  ): Promise<T> {
    return once<T>({
      leases,
      key: artifactLeaseKey(key),
      signal,
      find,
      ...(semaphore === undefined ? {} : { semaphore }),
      create: (_before, held) =>
        countedAs === undefined
          ? create(held)
          : // The lease above is shared by all tasks, so it does not tell whose process died. This one does.
            once({
              leases,
              attempts,
              key: countedAs.key,
              signal: held,
              find,
              create: (before, own) => unlessFatal(before, countedAs.stage, () => create(own)),
            }),
    });
  }
}

function unlessFatal<T>(before: Attempts, stage: Stage, create: () => Promise<T>): Promise<T> {
  refuseCrashLoop(before, stage);
  return create();
}

/** Also of one that is there more than once. */
export function disposeOf(artifacts: Iterable<Artifact>): void {
  for (const artifact of new Set(artifacts)) artifact[Symbol.dispose]();
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
