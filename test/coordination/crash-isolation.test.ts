import assert from 'node:assert/strict';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSqliteAttempts } from '../../functions/adapters/sqlite/attempts.ts';
import { createSqliteLeases } from '../../functions/adapters/sqlite/leases.ts';
import { type Database, openDatabase } from '../../functions/adapters/sqlite/sqlite.ts';
import { isolateAfterCrash } from '../../functions/coordination/crash-isolation.ts';
import type { ExclusiveGate } from '../../functions/coordination/exclusive-gate.ts';
import type { Semaphore } from '../../functions/coordination/semaphore.ts';
import type { AttemptStore } from '../../functions/ports/attempts.ts';
import type { LeaseStore } from '../../functions/ports/leases.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';

describe('work that may have crashed processes', () => {
  let dir: TempDir;
  let database: Database;
  let leases: LeaseStore;
  let attempts: AttemptStore;
  let reads: number;

  beforeEach(async () => {
    dir = await tempDir();
    database = openDatabase(join(dir.path, 'test.sqlite'));
    leases = createSqliteLeases({ database });
    const stored = createSqliteAttempts({ database });
    reads = 0;
    attempts = {
      ...stored,
      read(keys) {
        reads += 1;
        return stored.read(keys);
      },
    };
  });
  afterEach(async () => {
    database.close();
    await dir[Symbol.asyncDispose]();
  });

  /** Runs work, and returns which of the gate's two ways let it in, if any. */
  async function way(): Promise<string> {
    let through = 'no gate';
    const named =
      (name: string): Semaphore =>
      (work) => {
        through = name;
        return work(() => {});
      };
    const gate: ExclusiveGate = { alone: named('alone'), beside: named('beside') };
    const [state = 'none'] = await leases.read(['key']);
    const isolated = isolateAfterCrash('key', state, { attempts, gate });
    assert.equal(await isolated(async () => 'done'), 'done');
    return through;
  }

  test('runs beside other work as long as no crash is counted, and reads no attempts if it was never begun', async () => {
    assert.deepEqual([await way(), reads], ['beside', 0]);
    const lease = await leases.take('key', 60_000);
    assert.ok(lease);
    await leases.release(lease);
    assert.deepEqual([await way(), reads], ['beside', 1]);
  });

  test('runs alone after a crash', async () => {
    const lease = await leases.take('key', 60_000);
    assert.ok(lease);
    await attempts.record('key', 'crash');
    await leases.release(lease);
    assert.equal(await way(), 'alone');
  });

  test('runs beside other work if its lease has lapsed but the crash is not counted yet', async () => {
    await leases.take('key', 1);
    await sleep(5);
    assert.equal(await way(), 'beside');
  });
});
