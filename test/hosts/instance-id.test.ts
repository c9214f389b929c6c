import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog } from '../../functions/base/log.ts';
import { loadConfig } from '../../functions/config/config.ts';
import { instanceId } from '../../functions/hosts/instance-id.ts';
import { openTelemetry } from '../../functions/hosts/telemetry.ts';

const log = createLog({ level: 'error', pretty: false, write: () => {} });

/** What a host calls itself in its metrics. */
async function instance(DATA_DIR: string): Promise<string | undefined> {
  await using telemetry = await openTelemetry(loadConfig({ DATA_DIR }), log, { isScraped: true });
  return /service_instance_id="([^"]+)"/.exec((await telemetry.metricsText?.()) ?? '')?.[1];
}

test('counts of a host continue after its restart, and are not mixed with those of others', async () => {
  const first = await instance('/data/one');
  assert.match(String(first), /^[0-9a-f]{32}$/);
  assert.equal(await instance('/data/one'), first);
  assert.notEqual(await instance('/data/two'), first);
});

test('each process in the cloud counts for itself', () => {
  const cloud = { isHost: false, dataDir: '/tmp/every-cut' };
  assert.notEqual(instanceId(cloud), instanceId(cloud));
});
