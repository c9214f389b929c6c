import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { makeFolder } from '../shared/files.ts';

/**
 * The kernel holds this lock as long as the process lives. No other code in this process may open the file, because
 * closing any of its descriptors releases the lock (POSIX, https://sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_).
 */
const LOCK_FILE = 'host.lock';
/** Tells people who holds the lock. The contents mean nothing while the lock is free. */
const HOLDER_FILE = 'host.json';
const TRY_EVERY_MS = 100;
/** SQLITE_BUSY; the upper bits of an extended code give the kind: https://sqlite.org/rescode.html#busy */
const SQLITE_BUSY = 5;
const PRIMARY_CODE = 0xff;

/** Keeps references, because garbage collection of a connection would release its lock. */
const held = new Set<DatabaseSync>();

interface Holder {
  pid: number;
  host: string;
  /** ISO 8601. */
  startedAt: string;
}

export interface HostLockOptions {
  /** Created if missing. */
  dir: string;
  /** How long to wait for a host that is about to stop. */
  waitMs: number;
  /** Called when the lock is held by another host and waiting begins. */
  onWait?: (holder: string) => void;
}

/** Another host uses the folder. */
export class HostLockedError extends Error {
  override readonly name = 'HostLockedError';

  static is(error: unknown): error is HostLockedError {
    return error instanceof HostLockedError;
  }
}

/**
 * Allows one host per folder, also within one process. The lock cannot become stale: the system releases it however its
 * holder ends. Throws HostLockedError, or a system error if the folder is not writable.
 */
export async function acquireHostLock({ dir, waitMs, onWait }: HostLockOptions): Promise<Disposable> {
  await makeFolder(dir);
  const deadline = performance.now() + waitMs;
  for (let tries = 0; ; tries++) {
    const connection = tryLock(join(dir, LOCK_FILE));
    if (connection !== undefined) return lockOf(connection, join(dir, HOLDER_FILE));
    if (tries === 0) onWait?.(holderIn(dir));
    if (performance.now() >= deadline) {
      throw new HostLockedError(
        `Expected no other running service to use DATA_DIR (${dir}), got one that does: ${holderIn(dir)}. ` +
          'Stop it, or set another DATA_DIR.',
      );
    }
    // node:sqlite is synchronous: its own busy timeout would block the event loop.
    await pause(TRY_EVERY_MS);
  }
}

function tryLock(file: string): DatabaseSync | undefined {
  const connection = new DatabaseSync(file, { timeout: 0 });
  try {
    // Nothing is written, so a killed host leaves no journal behind.
    connection.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return connection;
  } catch (error) {
    connection.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
}

function lockOf(connection: DatabaseSync, holderFile: string): Disposable {
  held.add(connection);
  const lock = {
    [Symbol.dispose]() {
      if (!held.delete(connection)) return;
      rmSync(holderFile, { force: true });
      connection.close();
    },
  };
  try {
    const holder: Holder = { pid: process.pid, host: hostname(), startedAt: new Date().toISOString() };
    writeFileSync(holderFile, `${JSON.stringify(holder)}\n`);
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
  return lock;
}

function holderIn(dir: string): string {
  try {
    const { pid, host, startedAt } = JSON.parse(readFileSync(join(dir, HOLDER_FILE), 'utf8')) as Holder;
    return `process ${pid} on ${host}, since ${startedAt}`;
  } catch {
    return 'a process that has not recorded its id yet';
  }
}

function isBusy(error: unknown): boolean {
  return (
    error instanceof Error && 'errcode' in error && (Number(error.errcode) & PRIMARY_CODE) === SQLITE_BUSY
  );
}
