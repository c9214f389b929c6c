import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { makeFolder } from '../shared/files.ts';

/**
 * Held by the kernel for as long as the process lives. Nothing else of this process may ever open this file: closing
 * any descriptor of it would release the lock (POSIX, https://sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_).
 */
const LOCK_FILE = 'host.lock';
/** For people: who holds it. Says nothing when nobody does, whatever is in it. */
const HOLDER_FILE = 'host.json';
const TRY_EVERY_MS = 100;
/** SQLITE_BUSY, of which the upper bits tell the kind: https://sqlite.org/rescode.html#busy */
const SQLITE_BUSY = 5;
const PRIMARY_CODE = 0xff;

/** Else a lock whose owner is out of reach would be collected, and with it released. */
const held = new Set<DatabaseSync>();

interface Holder {
  pid: number;
  host: string;
  /** ISO 8601. */
  startedAt: string;
}

export interface HostLockOptions {
  /** Made where there is none. */
  dir: string;
  /** How long to wait for one that is about to stop. */
  waitMs: number;
  /** It is held, and waiting begins. */
  onWait?: (holder: string) => void;
}

/** Another host lives on the folder. */
export class HostLockedError extends Error {
  override readonly name = 'HostLockedError';

  static is(error: unknown): error is HostLockedError {
    return error instanceof HostLockedError;
  }
}

/**
 * One host per folder, also within one process. The lock cannot be stale: whatever way its holder ends, the system
 * releases it. Throws HostLockedError, or what the system says where the folder cannot be written to.
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
        `Expected DATA_DIR (${dir}) to be used by no other running service, got one that uses it: ${holderIn(dir)}. ` +
          'Stop that one, or set another DATA_DIR.',
      );
    }
    // node:sqlite is synchronous: its own way of waiting would hold up everything.
    await pause(TRY_EVERY_MS);
  }
}

function tryLock(file: string): DatabaseSync | undefined {
  const connection = new DatabaseSync(file, { timeout: 0 });
  try {
    // Nothing is ever written: no journal that a killed host could leave.
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
    return 'a process that has not yet said which';
  }
}

function isBusy(error: unknown): boolean {
  return (
    error instanceof Error && 'errcode' in error && (Number(error.errcode) & PRIMARY_CODE) === SQLITE_BUSY
  );
}
