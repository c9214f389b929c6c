import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { createLog } from '../../functions/base/log.ts';
import { loadConfig } from '../../functions/config/config.ts';
import { composeLocal } from '../../functions/hosts/local-adapters.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

test('the next start frees the leases of a dead host, and ends all rests', async () => {
  await using dir = await tempDir();
  const config = loadConfig({ DATA_DIR: join(dir.path, 'data'), OUTPUT_DIR: join(dir.path, 'output') });
  const log = createLog({ level: 'error', pretty: false, write: () => {} });
  {
    await using dead = await composeLocal(config, log);
    assert.ok(await dead.deps.leases.take('render/a/1', 60_000));
    await dead.deps.attempts.rest('fetch-pause/a/0', 60_000);
  }
  await using next = await composeLocal(config, log);
  assert.equal((await next.deps.leases.take('render/a/1', 60_000))?.previous, 'lapsed');
  assert.equal(await next.deps.attempts.rest('fetch-pause/a/0', 60_000), 2);
});
