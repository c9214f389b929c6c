import { statfs } from 'node:fs/promises';
import { TransientError } from '../../base/errors.ts';
import { machineMemoryMb } from '../../base/machine.ts';

const MB = 2 ** 20;
/** Room is promised in steps, because a server may announce, or keep open, more than it ever sends. */
const STEP_BYTES = 16 * MB;
/** A file up to this size is small: it still fits where large ones no longer do. */
const SMALL_BYTES = 16 * MB;
/** Up to what is announced, a step is this many times what has arrived, so that a download is refused early or never. */
const STEP_GROWTH = 3;
/** What stays free beside all downloads: for the database, for what is made of the files, and for other programs. */
const LEAST_KEPT_BYTES = 256 * MB;
const KEPT_SHARE = 0.02;
/** Of a small disk. */
const MOST_KEPT_SHARE = 0.125;

export interface Space {
  /** Bytes that this process may still write. */
  free: number;
  /** 0 if it is unknown. */
  total: number;
}

const UNKNOWN_SPACE: Space = { free: 0, total: 0 };

export interface DiskRoomOptions {
  /**
   * Measures the file system that downloads are written to. If that fails, or there is no total as on some network disks,
   * nothing is known, and nothing is refused.
   */
  measure: () => Promise<Space>;
  /**
   * Frees `now` bytes of what can be made again, if it could free `all` of them. Otherwise it frees nothing and returns
   * false.
   */
  makeRoom?: (now: number, all: number) => Promise<boolean>;
}

/** The room of one download; disposing of it gives back what was not written. */
export interface Reservation extends Disposable {
  /**
   * Makes sure that the first `bytes` bytes of the file have room.
   * @throws TransientError disk_full
   */
  upTo(bytes: number): Promise<void>;
  /** Counts bytes that are on the disk now, and no longer part of what is free. */
  written(bytes: number): void;
}

export interface DiskRoom {
  /**
   * @param where names the source in messages
   * @param announced bytes; undefined if the server does not say
   * @throws TransientError disk_full
   */
  reserve(where: string, announced: number | undefined): Promise<Reservation>;
}

/** For whoever has no disk to share. */
export const ENDLESS_ROOM: DiskRoom = {
  reserve: async () => ({ upTo: async () => {}, written() {}, [Symbol.dispose]() {} }),
};

export async function diskSpace(folder: string): Promise<Space> {
  const { bavail, blocks, bsize } = await statfs(folder);
  return { free: bavail * bsize, total: blocks * bsize };
}

/** Where the disk is memory, as on Cloud Run, whatever its file system says. */
export async function memorySpace(folder: string): Promise<Space> {
  const { free, total } = await diskSpace(folder);
  const memory = process.availableMemory();
  return { free: total === 0 ? memory : Math.min(free, memory), total: machineMemoryMb() * MB };
}

/**
 * Gives downloads room on the disk before they write, so that many at once cannot fill it. It is known to this process
 * only: after a restart nothing is reserved, and what is free is measured anew.
 */
export function createDiskRoom({ measure, makeRoom }: DiskRoomOptions): DiskRoom {
  /** Reserved by all downloads and not yet written. */
  let promised = 0;

  return {
    async reserve(where, announced) {
      let reserved = 0;
      let written = 0;
      let ended = false;
      const reservation: Reservation = {
        async upTo(bytes) {
          if (bytes > reserved) await grow(bytes);
        },
        written(bytes) {
          const counted = Math.min(bytes, reserved - written);
          written += counted;
          promised -= counted;
        },
        [Symbol.dispose]() {
          ended = true;
          promised -= reserved - written;
          reserved = written;
        },
      };
      await grow(0);
      return reservation;

      /** Promises the next step, if the whole file still has room as far as its size is known. */
      async function grow(arrived: number): Promise<void> {
        const step = Math.max(STEP_BYTES, arrived * STEP_GROWTH);
        const next =
          announced === undefined || announced < arrived
            ? reserved + STEP_BYTES
            : Math.min(announced, reserved + step);
        const whole = Math.max(next, announced ?? 0);
        let missing = await tryToGrow(next, whole, whole);
        // An announcement alone removes nothing: room is made for the next step, if it can be made for the whole file.
        if (missing !== undefined && (await makeRoom?.(missing.now, missing.all))) {
          missing = await tryToGrow(next, whole, next);
        }
        if (missing !== undefined) throw missing.error;
      }

      /** Measures first and promises in the same step, so that two downloads cannot get the same bytes. */
      async function tryToGrow(next: number, whole: number, needed: number) {
        const { free, total } = await measure().catch(() => UNKNOWN_SPACE);
        // The download may have been stopped meanwhile.
        if (ended) return undefined;
        const kept = keptOf(total) * (whole > SMALL_BYTES ? 2 : 1);
        const missing = (bytes: number) => Math.max(0, kept + promised + bytes - reserved - free);
        if (total > 0 && missing(needed) > 0) {
          const error = full(where, { needed: whole, free, promised, kept });
          return { now: missing(next), all: missing(whole), error };
        }
        promised += next - reserved;
        reserved = next;
        return undefined;
      }
    },
  };
}

function keptOf(total: number): number {
  return Math.min(Math.max(LEAST_KEPT_BYTES, total * KEPT_SHARE), total * MOST_KEPT_SHARE);
}

interface Shortage {
  needed: number;
  free: number;
  promised: number;
  kept: number;
}

function full(where: string, { needed, free, promised, kept }: Shortage): TransientError {
  return new TransientError(
    'disk_full',
    `Expected room on the disk for ${mb(needed)} of ${where}, got ${mb(free)} free, of which downloads under way need ` +
      `${mb(promised)} and ${mb(kept)} stay free. Next step: free space, or lower CACHE_MAX_MB.`,
  );
}

function mb(bytes: number): string {
  return `${Math.ceil(bytes / MB)} MB`;
}
