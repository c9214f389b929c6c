import assert from 'node:assert/strict';
import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createLog } from '../../functions/base/log.ts';
import { loadConfig } from '../../functions/config/config.ts';
import { instanceId } from '../../functions/hosts/instance-id.ts';
import { openTelemetry } from '../../functions/hosts/telemetry.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

const log = createLog({ level: 'error', pretty: false, write: () => {} });
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

/** What a host calls itself in its metrics. */
async function instance(DATA_DIR: string): Promise<string> {
  await using telemetry = await openTelemetry(loadConfig({ DATA_DIR }), log, { isScraped: true });
  return String(/service_instance_id="([^"]+)"/.exec((await telemetry.metricsText?.()) ?? '')?.[1]);
}

describe('what a host is called in its metrics', () => {
  test('stays, wherever its folder is moved, and is not that of others', async () => {
    await using dir = await tempDir();
    const [one, two, moved] = ['one', 'two', 'moved'].map((name) => join(dir.path, name)) as [
      string,
      string,
      string,
    ];
    const first = await instance(one);
    assert.match(first, UUID);
    assert.equal(await instance(one), first);
    assert.notEqual(await instance(two), first);
    await rename(one, moved);
    assert.equal(await instance(moved), first);
    const file = join(moved, 'instance.id');
    assert.deepEqual([await readFile(file, 'utf8'), (await stat(file)).mode & 0o777], [first, 0o600]);
    assert.equal((await stat(moved)).mode & 0o777, 0o700);
  });

  test('is another one if it was damaged or is gone', async () => {
    await using dir = await tempDir();
    const file = join(dir.path, 'instance.id');
    const first = await instance(dir.path);
    await writeFile(file, first.slice(0, 20));
    const second = await instance(dir.path);
    assert.match(second, UUID);
    assert.notEqual(second, first);
    assert.equal(await instance(dir.path), second);
    await rm(file);
    assert.notEqual(await instance(dir.path), second);
  });

  test('is there, too, where it cannot be kept', async () => {
    await using dir = await tempDir();
    const file = join(dir.path, 'file');
    await writeFile(file, '');
    for (const folder of [file, join(file, 'data'), '/proc/every-cut'])
      assert.match(await instance(folder), UUID, folder);
  });
});

test('each process in the cloud counts for itself', async () => {
  const cloud = { dataDir: '/tmp/every-cut' };
  const [one, other] = [
    await instanceId(cloud, { isHost: false }),
    await instanceId(cloud, { isHost: false }),
  ];
  assert.notEqual(one, other);
});
