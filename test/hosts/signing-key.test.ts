import assert from 'node:assert/strict';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { signingKeyIn } from '../../functions/hosts/signing-key.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

describe('the signing key of a service on one machine', () => {
  it('is made once, kept for the next start, and readable by its user only', async () => {
    await using dir = await tempDir();
    await using other = await tempDir();
    const key = await signingKeyIn(dir.path);
    assert.ok(Buffer.from(key, 'base64url').length === 32);
    assert.equal(await signingKeyIn(dir.path), key);
    assert.notEqual(await signingKeyIn(other.path), key);
    assert.equal((await stat(join(dir.path, 'signing.key'))).mode & 0o777, 0o600);
  });

  it('that was not written whole, because the power was cut, is made again', async () => {
    for (const [name, content] of [
      ['signing.key.part', 'half'],
      ['signing.key', ''],
    ] as const) {
      await using dir = await tempDir();
      await writeFile(join(dir.path, name), content, { mode: 0o644 });
      const key = await signingKeyIn(dir.path);
      assert.equal(await signingKeyIn(dir.path), key);
      assert.deepEqual(await readdir(dir.path), ['signing.key']);
      assert.equal((await stat(join(dir.path, 'signing.key'))).mode & 0o777, 0o600);
    }
  });

  it('may end in a line break, as an editor or echo leaves it', async () => {
    await using dir = await tempDir();
    const key = await signingKeyIn(dir.path);
    await writeFile(join(dir.path, 'signing.key'), `${key}\n`);
    assert.equal(await signingKeyIn(dir.path), key);
  });

  it('that is damaged stops the start, without being shown', async () => {
    await using dir = await tempDir();
    const key = await signingKeyIn(dir.path);
    await writeFile(join(dir.path, 'signing.key'), key.slice(0, 20));
    await assert.rejects(signingKeyIn(dir.path), (error: Error) => {
      assert.match(
        error.message,
        /Expected the key of 43 characters .*signing.key, got one of 20 .*restore it/,
      );
      return !error.message.includes(key.slice(0, 20));
    });
    assert.equal((await readFile(join(dir.path, 'signing.key'), 'utf8')).length, 20, 'left as it is');
  });
});
