import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { link, open } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { storeBody } from '../../../functions/adapters/shared/body-file.ts';
import { tempDir } from '../../fixtures/system/temp-dir.ts';

it('a body that fails at once leaves no file, however long the disk takes to open one', async () => {
  await using dir = await tempDir();
  const file = join(dir.path, 'clip.bin');
  // A disk that takes its time: a pipe is opened for writing as soon as somebody reads it.
  await promisify(execFile)('mkfifo', [file]);
  const reader = join(dir.path, 'the same');
  await link(file, reader);
  const options = { where: 'a body', maxBytes: 1_000, expected: {}, signal: new AbortController().signal };
  const stored = storeBody(damaged(), file, options);
  const first = await Promise.race([stored.catch(() => 'the error'), sleep(100).then(() => 'the disk')]);
  // Opened for both, it waits for nobody, and neither does the writer any more, even if the name is gone.
  await using _reader = await open(reader, 'r+');
  await assert.rejects(stored, /damaged/);
  assert.equal(first, 'the disk', 'it failed while the file was being opened');
  assert.equal(existsSync(file), false);
});

// biome-ignore lint/correctness/useYield: it fails before its first chunk
async function* damaged(): AsyncGenerator<Buffer> {
  throw new Error('damaged');
}
