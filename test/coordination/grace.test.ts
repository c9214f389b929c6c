import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { createSqliteAttempts } from '../../functions/adapters/sqlite/attempts.ts';
import { openDatabase } from '../../functions/adapters/sqlite/sqlite.ts';
import { graceIsOver } from '../../functions/coordination/grace.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

test('a grace period ends for exactly one of several callers, and then starts again', async () => {
  await using dir = await tempDir();
  using database = openDatabase(join(dir.path, 'test.sqlite'));
  let at = 1_000_000;
  const attempts = createSqliteAttempts({ database, now: () => at });
  const asked = async () => {
    const answers = await Promise.all([1, 2, 3].map(() => graceIsOver(attempts, 'key', 1000)));
    return answers.filter(Boolean).length;
  };
  assert.equal(await asked(), 0);
  at += 999;
  assert.equal(await asked(), 0);
  at += 1;
  assert.equal(await asked(), 1);
  assert.equal(await asked(), 0);
  at += 1000;
  assert.equal(await asked(), 1);
});
