import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog } from '../../functions/base/log.ts';
import { loadConfig } from '../../functions/config/config.ts';
import { openTelemetry } from '../../functions/hosts/telemetry.ts';

const log = createLog({ level: 'error', pretty: false, write: () => {} });

/** What a process with these settings calls itself in its metrics. */
async function instance(env: Record<string, string>): Promise<string | undefined> {
  await using telemetry = await openTelemetry(loadConfig(env), log, { isScraped: true });
  return /service_instance_id="([^"]+)"/.exec((await telemetry.metricsText?.()) ?? '')?.[1];
}

test('counts of a service continue after its restart, and are not mixed with those of others', async () => {
  const first = await instance({ DATA_DIR: '/data/one' });
  assert.match(String(first), /^[0-9a-f]{32}$/);
  assert.equal(await instance({ DATA_DIR: '/data/one' }), first);
  assert.notEqual(await instance({ DATA_DIR: '/data/two' }), first);
});

test('each process in the cloud counts for itself', async () => {
  const cloud = { K_SERVICE: 'every-cut', FUNCTION_TARGET: 'sweep', SIGNING_KEY: 'a'.repeat(64) };
  const env = { ...cloud, CACHE_BUCKET: 'cache', OUTPUT: 'gcs', OUTPUT_BUCKET: 'videos' };
  assert.notEqual(await instance(env), await instance(env));
});
