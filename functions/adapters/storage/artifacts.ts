import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDiskFull, PermanentError, TransientError } from '../../base/errors.ts';
import type { Artifact, ArtifactStore } from '../../ports/artifacts.ts';
import { packArtifact, type Unpacked, unpackArtifact, unpackedIn } from '../shared/artifact-file.ts';
import { metadataOf, readObject } from './read.ts';
import type { CallOptions, Place, StorageConnection } from './storage.ts';
import { md5Of, NOTHING, remove, upload } from './write.ts';

export interface StorageArtifactsOptions {
  storage: StorageConnection;
  /** CACHE_BUCKET. Its life-cycle rule may remove objects at any time; their artifacts are made again. */
  bucket: string;
  /** Copies on this machine; a copy that it evicts is fetched again. */
  local: ArtifactStore;
  /** A new folder for a download, removed afterwards; on the file system of `local` if possible. */
  workDir: () => Promise<AsyncDisposable & { path: string }>;
  /** Milliseconds, see STANDING_MS and UNKNOWN_MS. */
  standingMs?: number;
  unknownMs?: number;
  /** Milliseconds, see BRING_BACK_MS. */
  bringBackMs?: number;
}

/**
 * How long an object that was seen is assumed to exist. Without this limit, a process with a copy would report that
 * there is nothing to make, while one without a copy waits for the object.
 */
const STANDING_MS = 600_000;
/** How long the bucket is not asked again after it did not answer, because the use of a copy must not wait for it. */
const UNKNOWN_MS = 60_000;
/** Limits for checking and for restoring the object, because a caller waits for the copy meanwhile. */
const CHECK_MS = 2_000;
const BRING_BACK_MS = 10_000;
/** How often a put may meet another one, or a damaged object, before it is given up. */
const ROUNDS = 5;
/**
 * An account may be allowed to create objects and not to remove damaged ones (`prepare` in the cloud). Then the artifact
 * is stored under the next of this many names.
 */
const NAMES = 5;

interface Fetching {
  /** Held until all waiting callers have opened it. */
  artifact: Promise<Artifact | undefined>;
  waiting: number;
}

/** Artifacts as one object each in a bucket that all processes share, behind a store on this machine. */
export function createStorageArtifacts(options: StorageArtifactsOptions): ArtifactStore {
  const { storage, local } = options;
  const { standingMs = STANDING_MS, unknownMs = UNKNOWN_MS, bringBackMs = BRING_BACK_MS } = options;
  const fetches = new Map<string, Fetching>();
  /** When the object of a key was last seen, by performance.now(). */
  const seen = new Map<string, number>();
  const keeping = new Map<string, Promise<void>>();
  let unknownUntil = 0;
  /** In the order in which they are used: one after the other, as far as those before hold a damaged object. */
  const placesOf = (key: string): [Place, ...Place[]] => {
    const name = objectName(key);
    const place = { purpose: 'artifacts', bucket: options.bucket, name } as const;
    const more = Array.from({ length: NAMES - 1 }, (_, at) => ({ ...place, name: `${name}-${at + 2}` }));
    return [place, ...more];
  };
  const saw = (key: string) => {
    seen.delete(key);
    seen.set(key, performance.now());
    const [oldest, at] = seen.entries().next().value ?? [];
    if (oldest !== undefined && performance.now() - Number(at) > standingMs) seen.delete(oldest);
  };

  const send = async (artifact: Unpacked, place: Place, options: CallOptions = {}): Promise<boolean> => {
    const { bytes, read } = await packArtifact(artifact);
    const content = { contentType: 'application/octet-stream', bytes, md5: await md5Of(read()), read };
    const isFirst = await upload(storage, place, content, NOTHING, options);
    if (isFirst) saw(artifact.key);
    return isFirst;
  };

  /**
   * Restores the object if a life-cycle rule has removed it, because its content may have been paid for. If the bucket
   * does not answer, the copy is used without checking it.
   */
  const keepShared = async (copy: Artifact): Promise<void> => {
    const { key } = copy;
    const at = seen.get(key);
    if ((at !== undefined && performance.now() - at < standingMs) || performance.now() < unknownUntil) return;
    try {
      const signal = AbortSignal.timeout(CHECK_MS);
      const [place] = placesOf(key);
      const current = await metadataOf(storage, place, { signal });
      if (current === undefined) await send(copy, place, { signal: AbortSignal.timeout(bringBackMs) });
      else saw(key);
    } catch {
      unknownUntil = performance.now() + unknownMs;
    }
  };

  /** As `keepShared`, once for all callers that open the same artifact at the same time. */
  const keepSharedOnce = (copy: Artifact): Promise<void> => {
    const known = keeping.get(copy.key);
    if (known !== undefined) return known;
    const kept = keepShared(copy).finally(() => keeping.delete(copy.key));
    keeping.set(copy.key, kept);
    return kept;
  };

  const openLocal = async <M>(key: string): Promise<Artifact<M> | undefined> => {
    const copy = await local.open<M>(key);
    if (copy !== undefined) await keepSharedOnce(copy);
    return copy;
  };

  /** Copies from the bucket to the local store. Undefined if there is no object, or only damaged ones. */
  const fetch = async (key: string): Promise<Artifact | undefined> => {
    await using work = await workFolder(options.workDir);
    for (const place of placesOf(key)) {
      const read = await readObject(storage, place, async (chunks) => {
        const dir = await mkdtemp(join(work.path, 'try-'));
        const unpacked = await unpackArtifact(key, chunks, dir);
        return unpacked && { dir, ...unpacked };
      });
      if (!read) return undefined;
      if (read.result) {
        saw(key);
        return await local.put(key, read.result.dir, read.result.meta);
      }
      await removeDamaged(place, read.generation);
    }
    return undefined;
  };

  /** Leaves the object if this account may not remove it. */
  const removeDamaged = async (place: Place, generation: string): Promise<void> => {
    await remove(storage, place, generation).catch((error: unknown) => {
      if (!PermanentError.is(error)) throw error;
    });
  };

  const freePlace = async (key: string): Promise<Place | undefined> => {
    for (const place of placesOf(key)) {
      if ((await metadataOf(storage, place)) === undefined) return place;
    }
    return undefined;
  };

  /** As `fetch`, once for all callers that need the same artifact at the same time. */
  const fetchOnce = async <M>(key: string): Promise<Artifact<M> | undefined> => {
    const fetching = fetches.get(key) ?? { artifact: fetch(key), waiting: 0 };
    fetches.set(key, fetching);
    fetching.waiting += 1;
    try {
      if ((await fetching.artifact) === undefined) return undefined;
      return await local.open<M>(key);
    } finally {
      fetching.waiting -= 1;
      if (fetching.waiting === 0) {
        fetches.delete(key);
        (await fetching.artifact.catch(() => undefined))?.[Symbol.dispose]();
      }
    }
  };

  return {
    open: async <M>(key: string) => (await openLocal<M>(key)) ?? (await fetchOnce<M>(key)),

    async put<M>(key: string, dir: string, meta: M) {
      const own = await unpackedIn(dir, key, meta);
      let [place]: (Place | undefined)[] = placesOf(key);
      for (let round = 0; round < ROUNDS && place !== undefined; round++) {
        if (await send(own, place)) return await local.put(key, dir, meta);
        const first = (await local.open<M>(key)) ?? (await fetchOnce<M>(key));
        if (first !== undefined) {
          saw(key);
          await rm(dir, { recursive: true, force: true });
          return first;
        }
        place = await freePlace(key);
      }
      throw new TransientError(
        'platform_unavailable',
        `Expected to store artifact ${key}, got damaged objects under all of its names. ` +
          `Next step: remove gs://${options.bucket}/${objectName(key)}*, and see infra/OPERATIONS.md, ` +
          '"If prepare was taken over".',
      );
    },
  };
}

/** The kind stays readable, for life-cycle rules and for people who browse the bucket. */
function objectName(key: string): string {
  const [kind] = /^[a-z]+(?=\/)/.exec(key) ?? ['other'];
  return `artifacts/${kind}/${createHash('sha256').update(key).digest('hex')}`;
}

/** A full disk may have room later, so it is a TransientError. */
async function workFolder(make: StorageArtifactsOptions['workDir']) {
  try {
    return await make();
  } catch (error) {
    if (!isDiskFull(error)) throw error;
    throw new TransientError('disk_full', 'The disk is full: an artifact cannot be fetched', {
      cause: error,
    });
  }
}
