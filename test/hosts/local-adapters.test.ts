import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
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

test('a damaged signing key stops the start with its own message, and a folder that cannot be used with another', async () => {
  await using dir = await tempDir();
  const log = createLog({ level: 'error', pretty: false, write: () => {} });
  const config = (name: string) =>
    loadConfig({ DATA_DIR: join(dir.path, name), OUTPUT_DIR: join(dir.path, 'output') });
  await mkdir(join(dir.path, 'data'));
  await writeFile(join(dir.path, 'data', 'signing.key'), 'damaged');
  await assert.rejects(composeLocal(config('data'), log), { message: /^Expected the key of 43 characters/ });
  await writeFile(join(dir.path, 'file'), '');
  await assert.rejects(composeLocal(config('file/data'), log), { message: /^Expected DATA_DIR .* EEXIST/ });
});
