/** A service whose DATA_DIR is removed while it runs, as its own process. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startHostProcess } from '../fixtures/hosts/host-process.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as {
  version: string;
};

test('a service says its versions at the start, and ends with the reason once its DATA_DIR is gone', {
  skip: process.platform === 'win32' && 'an open file cannot be removed there',
}, async () => {
  await using dir = await tempDir();
  await using host = startHostProcess({ dir: dir.path });
  await host.started();
  const [started] = host.logged('host.started');
  assert.deepEqual(
    [started?.['version'], started?.['node'], started?.['tasks_resumed'], started?.['videos_to_make']],
    [version, process.versions.node, 0, 0],
  );
  assert.match(
    String(started?.['message']),
    /Every Cut \d+\.\d+\.\d+ on Node \d+\.\d+\.\d+ with ffmpeg \S+; no task is taken up again$/,
  );
  await rm(host.dataDir, { recursive: true, force: true });
  assert.deepEqual(await host.ended(), { code: 1, signal: null });
  const told = host.logged('host.broken');
  assert.equal(told.length, 1);
  assert.match(String(told[0]?.['message']), /every-cut\.sqlite to stay while the service runs, got none/);
  assert.equal(host.complaints(), '');
  assert.ok(!(await readdir(dir.path)).includes('data'), 'the folder is not made anew');
});
