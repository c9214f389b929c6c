import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { isDiskFull, TransientError } from '../../base/errors.ts';
import type { Artifact, ArtifactStore } from '../../ports/artifacts.ts';
import { checksum, moveFolder, syncFile, syncFolder, systemCode } from '../shared/files.ts';
import { DiskCache, INCOMING, META } from './cache.ts';
import { createInOrder } from './in-order.ts';

export interface DiskArtifactsOptions {
  /** Created if missing. Only one process may use it, unless `shared` is set. */
  dir: string;
  /** Above this size the least recently used artifacts are evicted, except the latest one and those that are open. */
  maxBytes: number;
  /** Several processes use the folder: artifacts that any of them opened within the last hour are kept. */
  shared?: boolean;
}

interface StoredFile {
  name: string;
  bytes: number;
  /** Hex. */
  sha256: string;
}

/** The contents of meta.json. */
interface Stored {
  key: string;
  meta: unknown;
  files: StoredFile[];
}

interface Stamp {
  size: number;
  mtimeMs: number;
  /** Of the last change of bytes or times: programs cannot set it. */
  ctimeMs: number;
}

/** Errors of a lookup when files are missing, replaced by folders, or on a bad sector. */
const DAMAGE: readonly (string | undefined)[] = ['ENOENT', 'ENOTDIR', 'EISDIR', 'EIO'];
/** Errors of a rename when the target folder already exists; Windows reports EPERM. */
const TAKEN: readonly (string | undefined)[] = ['ENOTEMPTY', 'EEXIST', 'EPERM'];

export interface DiskArtifacts extends ArtifactStore {
  /**
   * Evicts artifacts of `now` bytes that were not used for an hour. Evicts nothing, and returns false, if all such
   * artifacts together are less than `all` bytes.
   */
  makeRoom(now: number, all: number): Promise<boolean>;
  /** Whether it was removed to make room, since the start. False if it is there, was removed otherwise, or is damaged. */
  wasEvicted(key: string): boolean;
}

/** Artifacts as folders `<2 hex>/<SHA-256 of the key>`: the files, and meta.json with their lengths and checksums. */
export function createDiskArtifacts(options: DiskArtifactsOptions): DiskArtifacts {
  const dir = resolve(options.dir);
  /** Sizes and times of verified files, by place: checksums are not computed again while these stay the same. */
  const verified = new Map<string, string>();
  const cache = new DiskCache({
    dir,
    maxBytes: options.maxBytes,
    shared: options.shared ?? false,
    onGone: (place) => verified.delete(place),
  });
  // If two calls for one key overlapped, one could discard as damaged what another has just stored.
  const inOrder = createInOrder();

  const isIntact = async (place: string, files: readonly StoredFile[]): Promise<boolean> => {
    const stamps = await Promise.all(files.map(({ name }) => stat(join(dir, place, name))));
    if (files.some(({ bytes }, at) => stamps[at]?.size !== bytes)) return false;
    if (verified.get(place) === stampText(stamps)) return true;
    for (const { name, sha256 } of files) {
      if ((await checksum(join(dir, place, name))) !== sha256) return false;
    }
    verified.set(place, stampText(stamps));
    return true;
  };

  /** Returns the stored artifact if it is intact; a damaged one is discarded. */
  const check = async (key: string, place: string): Promise<Stored | undefined> => {
    if (!(await exists(join(dir, place)))) return undefined;
    try {
      const stored = parseStored(await readFile(join(dir, place, META), 'utf8'));
      if (stored?.key === key && (await isIntact(place, stored.files))) return stored;
    } catch (error) {
      if (!DAMAGE.includes(systemCode(error))) throw error;
    }
    cache.discard(place);
    return undefined;
  };

  /** Returns undefined if another process stored it first. */
  const install = async (
    key: string,
    place: string,
    from: string,
    meta: unknown,
  ): Promise<Stored | undefined> => {
    const { stored, stamps } = await seal(from, key, meta);
    const target = join(dir, place);
    await mkdir(dirname(target), { recursive: true });
    try {
      await moveFolder(from, target, join(dir, INCOMING, randomUUID()));
    } catch (error) {
      if (TAKEN.includes(systemCode(error))) return undefined;
      throw error;
    }
    await syncFolder(dirname(target));
    // The stamps match a renamed file; a copy has new times, so its checksums are computed once more.
    verified.set(place, stampText(stamps));
    return stored;
  };

  /** Protects a place from eviction, from before the lookup until its artifact is disposed. */
  const held = async <M>(
    key: string,
    find: (place: string) => Promise<Stored | undefined>,
  ): Promise<Artifact<M> | undefined> => {
    const place = placeOf(key);
    const hold = cache.hold(place);
    try {
      const stored = await inOrder(place, () => find(place));
      if (stored) {
        cache.use(place, bytesOf(stored));
        await touch(join(dir, place, META));
        return toArtifact<M>(stored, join(dir, place), hold.release);
      }
    } catch (error) {
      hold.release();
      throw error;
    }
    hold.release();
    return undefined;
  };

  return {
    makeRoom: (now, all) => cache.makeRoom(now, all),

    wasEvicted: (key) => cache.wasEvicted(placeOf(key)),

    open: (key) => held(key, (place) => check(key, place)),

    async put<M>(key: string, from: string, meta: M) {
      try {
        const artifact = await held<M>(
          key,
          async (place) =>
            (await check(key, place)) ?? (await install(key, place, from, meta)) ?? (await check(key, place)),
        );
        if (!artifact) throw new Error(`Expected artifact ${key} to be there after storing it, got none`);
        try {
          await rm(from, { recursive: true, force: true });
          await cache.trim();
        } catch (error) {
          artifact[Symbol.dispose]();
          throw error;
        }
        return artifact;
      } catch (error) {
        if (!isDiskFull(error)) throw error;
        throw new TransientError('disk_full', 'The disk is full: an artifact cannot be stored', {
          cause: error,
        });
      }
    },
  };
}

function placeOf(key: string): string {
  const name = createHash('sha256').update(key).digest('hex');
  return join(name.slice(0, 2), name);
}

function bytesOf({ files }: Stored): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}

function stampText(stamps: readonly Stamp[]): string {
  return stamps.map(({ size, mtimeMs, ctimeMs }) => `${size}@${mtimeMs}/${ctimeMs}`).join(' ');
}

async function exists(folder: string): Promise<boolean> {
  try {
    await stat(folder);
    return true;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Records the last use for the next process. Failures are ignored: another process may have evicted the artifact. */
async function touch(file: string): Promise<void> {
  const now = new Date();
  await utimes(file, now, now).catch(() => {});
}

function toArtifact<M>(stored: Stored, folder: string, release: () => void): Artifact<M> {
  const { key, meta, files } = stored;
  return {
    key,
    meta: meta as M,
    bytes: bytesOf(stored),
    files: files.map(({ name }) => name),
    path(name) {
      if (files.some((file) => file.name === name)) return join(folder, name);
      const names = files.map((file) => file.name).join(', ');
      throw new Error(`Expected a file of artifact ${key} (${names}), got ${name}`);
    },
    [Symbol.dispose]: release,
  };
}

/** Returns undefined for content that is truncated, has another shape, or names a file outside the folder. */
function parseStored(text: string): Stored | undefined {
  try {
    const { key, meta, files } = JSON.parse(text) as Stored;
    const sound = files.every(({ name }) => basename(name) === name && name !== '..');
    return sound ? { key, meta, files } : undefined;
  } catch {
    return undefined;
  }
}

/** Writes lengths and checksums to meta.json and flushes everything to the disk. */
async function seal(
  folder: string,
  key: string,
  meta: unknown,
): Promise<{ stored: Stored; stamps: Stamp[] }> {
  const files: StoredFile[] = [];
  const stamps: Stamp[] = [];
  for (const name of (await readdir(folder)).sort()) {
    // Left by an earlier attempt that ran out of disk space.
    if (name === META) continue;
    const file = join(folder, name);
    const stamp = await stat(file);
    if (!stamp.isFile()) throw new Error(`Expected an artifact to be plain files, got ${name} in ${key}`);
    await syncFile(file);
    files.push({ name, bytes: stamp.size, sha256: await checksum(file) });
    stamps.push(stamp);
  }
  const stored = { key, meta, files };
  await writeFile(join(folder, META), JSON.stringify(stored), { flush: true });
  await syncFolder(folder);
  return { stored, stamps };
}
