import { randomUUID } from 'node:crypto';
import { mkdirSync, renameSync, statSync } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LRUCache } from 'lru-cache';
import { add } from '../../base/telemetry/metrics.ts';

/** Describes an artifact. Stored beside its files, and not counted in its size. */
export const META = 'meta.json';
/** Folders for copies that arrive from another disk and for artifacts being deleted, outside the artifact folders. */
export const INCOMING = '.incoming';
const TRASH = '.trash';
/** A copy untouched for this long was left by a process that died. */
const LEFT_OVER_AFTER_MS = 3_600_000;
/** Of a hundred bytes each. */
const EVICTED_KEPT = 10_000;
/** Longer than any stage works with an artifact. */
const IN_USE_MS = 3_600_000;

/** Protects a folder from eviction. A second release has no effect. */
export interface Hold {
  release(): void;
}

export interface DiskCacheOptions {
  dir: string;
  maxBytes: number;
  /** Other processes use the folder too, and may still read what they opened earlier. */
  shared: boolean;
  /** Called when a folder is removed. */
  onGone: (place: string) => void;
}

/** Tracks size and last use of the folders `<2 hex>/<hash>` in `dir`, and evicts the least recently used. */
export class DiskCache {
  readonly #options: DiskCacheOptions;
  /** Bytes by place, the least recently used first. */
  #entries = new Map<string, number>();
  #total = 0;
  #latest: string | undefined;
  readonly #holds = new Map<string, number>();
  readonly #evicted = new LRUCache<string, true>({ max: EVICTED_KEPT });
  readonly #removals = new Set<Promise<void>>();
  #scan: Promise<void> | undefined;
  #scanned = false;

  constructor(options: DiskCacheOptions) {
    this.#options = options;
  }

  hold(place: string): Hold {
    this.#holds.set(place, (this.#holds.get(place) ?? 0) + 1);
    let released = false;
    return {
      release: () => {
        if (released) return;
        released = true;
        const left = (this.#holds.get(place) ?? 1) - 1;
        if (left > 0) this.#holds.set(place, left);
        else this.#holds.delete(place);
        this.#evict();
      },
    };
  }

  /** Marks a folder as the most recently used. */
  use(place: string, bytes: number): void {
    this.#forget(place);
    this.#evicted.delete(place);
    this.#entries.set(place, bytes);
    this.#total += bytes;
    this.#latest = place;
  }

  /** Whether this process removed the folder to make room, and it was not used since. */
  wasEvicted(place: string): boolean {
    return this.#evicted.has(place);
  }

  /** Moves a folder away in one step, so that no reader sees half of it, and deletes it in the background. */
  discard(place: string): void {
    const { dir, onGone } = this.#options;
    const trash = join(dir, TRASH, randomUUID());
    this.#forget(place);
    onGone(place);
    try {
      mkdirSync(dirname(trash), { recursive: true });
      // Synchronous, so that no one can open the folder between the check of the holds and this rename.
      renameSync(join(dir, place), trash);
    } catch {
      // Already gone, or in use by another program: the next process finds and counts it again.
      return;
    }
    this.#delete(trash);
  }

  /** Evicts down to the limit; resolves when the space is free again. */
  async trim(): Promise<void> {
    this.#scan ??= this.#readAll();
    await this.#scan;
    this.#evict();
    await Promise.all(this.#removals);
  }

  /**
   * Evicts `now` bytes, if `all` bytes could be evicted without what was used within the last hour: what running tasks need
   * is not made twice because of a large download. Resolves when the space is free again.
   */
  async makeRoom(now: number, all: number): Promise<boolean> {
    this.#scan ??= this.#readAll();
    await this.#scan;
    if (!this.#couldEvict(all)) return false;
    this.#evict({ maxBytes: this.#total - now, sparesLatelyUsed: true });
    await Promise.all(this.#removals);
    return true;
  }

  #couldEvict(bytes: number): boolean {
    let found = 0;
    for (const place of this.#evictable(true)) {
      found += this.#entries.get(place) ?? 0;
      if (found >= bytes) return true;
    }
    return false;
  }

  #evict({ maxBytes = this.#options.maxBytes, sparesLatelyUsed = this.#options.shared } = {}): void {
    if (!this.#scanned || this.#total <= maxBytes) return;
    for (const place of this.#evictable(sparesLatelyUsed)) {
      this.discard(place);
      this.#evicted.set(place, true);
      add('every_cut.artifacts.evicted', 1);
      if (this.#total <= maxBytes) return;
    }
  }

  /** Keeps the latest folder however large it is, because its creator is about to use it. */
  *#evictable(sparesLatelyUsed: boolean): Generator<string> {
    for (const place of this.#entries.keys()) {
      if (place === this.#latest || this.#holds.has(place)) continue;
      if (sparesLatelyUsed && this.#wasLatelyUsed(place)) {
        // All further ones were used later, unless another process uses them.
        if (this.#options.shared) continue;
        return;
      }
      yield place;
    }
  }

  /** By any process: each updates the time of META when it opens a folder, and may still be reading it. */
  #wasLatelyUsed(place: string): boolean {
    const meta = join(this.#options.dir, place, META);
    const usedAt = statSync(meta, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    return usedAt > Date.now() - IN_USE_MS;
  }

  #forget(place: string): void {
    this.#total -= this.#entries.get(place) ?? 0;
    this.#entries.delete(place);
  }

  #delete(path: string): void {
    const removal = rm(path, { recursive: true, force: true })
      // The next process deletes what is left.
      .catch(() => {})
      .finally(() => this.#removals.delete(removal));
    this.#removals.add(removal);
  }

  async #readAll(): Promise<void> {
    const { dir } = this.#options;
    const found: { place: string; bytes: number; usedAt: number }[] = [];
    for (const shelf of await namesIn(dir)) {
      if (!/^[0-9a-f]{2}$/.test(shelf)) continue;
      for (const name of await namesIn(join(dir, shelf))) {
        const place = join(shelf, name);
        found.push({ place, ...(await measure(join(dir, place))) });
      }
    }
    found.sort((one, other) => one.usedAt - other.usedAt);
    const known = this.#entries;
    this.#entries = new Map();
    for (const { place, bytes } of found) {
      if (known.has(place)) continue;
      this.#entries.set(place, bytes);
      this.#total += bytes;
    }
    for (const [place, bytes] of known) this.#entries.set(place, bytes);
    this.#scanned = true;
    await this.#deleteLeftOvers();
  }

  async #deleteLeftOvers(): Promise<void> {
    const { dir } = this.#options;
    for (const name of await namesIn(join(dir, TRASH))) this.#delete(join(dir, TRASH, name));
    for (const name of await namesIn(join(dir, INCOMING))) {
      const left = join(dir, INCOMING, name);
      const { mtimeMs } = await stat(left).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
      if (mtimeMs < Date.now() - LEFT_OVER_AFTER_MS) this.#delete(left);
    }
  }
}

/** Size of a folder's files and the time of its last use; both are 0 if it is being deleted meanwhile. */
async function measure(folder: string): Promise<{ bytes: number; usedAt: number }> {
  let bytes = 0;
  let usedAt = 0;
  for (const name of await namesIn(folder)) {
    const { size, mtimeMs } = await stat(join(folder, name)).catch(() => ({ size: 0, mtimeMs: 0 }));
    if (name === META) usedAt = mtimeMs;
    else bytes += size;
  }
  return { bytes, usedAt };
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
